// Three ways to wait for answers on one connection, measured side by side in one run: the turnstile
// (rpc::Connection: whoever waits reads, and wakes exactly the one an answer is for), a reactor (a
// thread of its own reads and wakes), and RPyC's scheme (whoever waits reads, and wakes everyone).
// All three frame and send with the same code; the server is another process and answers all it has
// read in one write.
//
//     turnstile_bench [rounds] [milliseconds of each run]
//
// One JSON line for each transport and number of threads: medians of nanoseconds a call, and the
// others' as a multiple of the turnstile's.

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "io/address.h"
#include "io/socket_stream.h"
#include "rpc/test_dialect.h"

namespace sinew::rpc {
namespace {

using testing::TestSession;

constexpr std::size_t kBody = 64;

Writer& request_of(std::int64_t seq, Writer& out) {
  static const std::string body(kBody, 'x');
  testing::write_frame(out, Incoming::Kind::kRequest, seq, as_bytes(body));
  return out;
}

/// A way to call over one stream; call() may be used by many threads.
class Scheme {
 public:
  virtual ~Scheme() = default;
  virtual void call() = 0;
};

class TurnstileScheme final : public Scheme {
 public:
  explicit TurnstileScheme(io::Fd socket) {
    side_.open(std::make_unique<io::SocketStream>(std::move(socket)));
  }

  void call() override {
    Call call(side_->next_seq());
    Writer out;
    static_cast<void>(side_->start(call, request_of(call.seq(), out)));
    static_cast<void>(side_->wait(call, Deadline::never()));
  }

 private:
  testing::Side side_;
};

// What the two other schemes have in common: who waits for what, and the framing.
class OwnScheme : public Scheme {
 protected:
  explicit OwnScheme(io::Fd socket)
      : stream_(std::move(socket)), inbox_(stream_, session_), outbox_(stream_) {}

  struct Waiter {
    Parker parker;
    bool done = false;
  };

  std::int64_t send(Waiter& waiter) {
    std::unique_lock lock(mutex_);
    const std::int64_t seq = next_seq_++;
    waiting_.emplace(seq, &waiter);
    lock.unlock();
    Writer out;
    static_cast<void>(outbox_.submit(request_of(seq, out)));
    return seq;
  }

  // Takes whom the frame is for out of the table; the caller has the lock.
  Waiter* take_waiter_locked(Slice frame) {
    const auto incoming = session_.open(std::move(frame));
    const auto found = waiting_.find(incoming->seq);
    Waiter* const waiter = found.value();
    waiting_.erase(found);
    return waiter;
  }

  TestSession session_;
  io::SocketStream stream_;
  Inbox inbox_;
  Outbox outbox_;
  std::mutex mutex_;
  tsl::robin_map<std::int64_t, Waiter*> waiting_;  // guarded by mutex_
  std::int64_t next_seq_ = 0;                      // guarded by mutex_
};

class ReactorScheme final : public OwnScheme {
 public:
  explicit ReactorScheme(io::Fd socket)
      : OwnScheme(std::move(socket)), reactor_([this] { react(); }) {}
  ~ReactorScheme() override {
    stream_.interrupt();
    reactor_.join();
  }

  void call() override {
    Waiter waiter;
    send(waiter);
    static_cast<void>(waiter.parker.park(Deadline::never()));
  }

 private:
  void react() {
    while (inbox_.fill(Deadline::never())) {
      while (auto frame = *inbox_.next()) {
        const void* kick = nullptr;
        {
          const std::scoped_lock lock(mutex_);
          Parker& parker = take_waiter_locked(*std::move(frame))->parker;
          if (parker.post()) kick = parker.address();
        }
        if (kick != nullptr) Parker::kick(kick);
      }
    }
  }

  std::thread reactor_;
};

class WakeEveryoneScheme final : public OwnScheme {
 public:
  explicit WakeEveryoneScheme(io::Fd socket) : OwnScheme(std::move(socket)) {}

  void call() override {
    Waiter waiter;
    send(waiter);
    std::unique_lock lock(mutex_);
    while (!waiter.done) {
      if (reading_) {
        changed_.wait(lock);
        continue;
      }
      reading_ = true;
      lock.unlock();
      auto frame = next_frame();
      lock.lock();
      reading_ = false;
      if (frame) take_waiter_locked(*std::move(frame))->done = true;
      changed_.notify_all();
    }
  }

 private:
  // One message, as RPyC's serve() takes one.
  std::optional<Slice> next_frame() {
    while (true) {
      if (auto frame = *inbox_.next()) return frame;
      if (!inbox_.fill(Deadline::never())) return std::nullopt;
    }
  }

  std::condition_variable changed_;
  bool reading_ = false;  // guarded by mutex_
};

// The server process: answers everything that one read brought with one write.
[[noreturn]] void serve(io::Fd socket) {
  TestSession session;
  io::SocketStream stream(std::move(socket));
  Inbox inbox(stream, session);
  while (inbox.fill(Deadline::never())) {
    Writer answers;
    while (auto frame = *inbox.next()) {
      const auto request = session.open(*std::move(frame));
      testing::write_frame(answers, Incoming::Kind::kReply, request->seq, request->body.bytes());
    }
    const ByteView bytes = answers.copied();
    const iovec piece{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    static_cast<void>(stream.try_write({&piece, 1}));  // far less than a socket's buffer
  }
  ::_exit(0);
}

/// A server process and a connection to it.
class Server {
 public:
  explicit Server(bool tcp) {
    io::Fd accepted;
    if (tcp) {
      const io::Fd listener = io::listen(io::Address::tcp("127.0.0.1", 0), 1);
      socket_ = io::connect(io::local_address(listener.get()), Deadline::never());
      accepted = *io::accept(listener.get(), Deadline::never());
    } else {
      std::array<int, 2> ends{};
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
        throw std::system_error(errno, std::generic_category(), "socketpair");
      }
      socket_ = io::Fd(ends[0]);
      accepted = io::Fd(ends[1]);
    }
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      socket_.reset();
      serve(std::move(accepted));
    }
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { ::waitpid(child_, nullptr, 0); }

  io::Fd take_socket() { return std::move(socket_); }

 private:
  io::Fd socket_;
  pid_t child_ = 0;
};

constexpr std::array kSchemes{"turnstile", "reactor", "wake_everyone"};

std::unique_ptr<Scheme> make(std::size_t scheme, io::Fd socket) {
  if (scheme == 0) return std::make_unique<TurnstileScheme>(std::move(socket));
  if (scheme == 1) return std::make_unique<ReactorScheme>(std::move(socket));
  return std::make_unique<WakeEveryoneScheme>(std::move(socket));
}

// Nanoseconds a call, over all threads together.
double measure(Scheme& scheme, int threads, Duration duration) {
  constexpr int kWarmUp = 50;
  std::atomic<int> ready{0};
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> calls{0};
  std::vector<std::thread> callers;
  callers.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    callers.emplace_back([&] {
      for (int warm = 0; warm < kWarmUp; ++warm) scheme.call();
      ready.fetch_add(1);
      std::int64_t mine = 0;
      for (; !stop.load(std::memory_order_relaxed); ++mine) scheme.call();
      calls.fetch_add(mine);
    });
  }
  while (ready.load() < threads) std::this_thread::yield();
  const TimePoint start = Clock::system().now();
  Parker parker;
  static_cast<void>(parker.park(Deadline::after(duration)));
  stop.store(true);
  for (std::thread& caller : callers) caller.join();
  const auto elapsed = static_cast<double>((Clock::system().now() - start).count());
  return elapsed / static_cast<double>(std::max<std::int64_t>(calls.load(), 1));
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void compare(bool tcp, int threads, int rounds, Duration duration) {
  std::array<std::vector<double>, kSchemes.size()> results;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < kSchemes.size(); ++i) {
      // Each round begins with another one, so that none always follows the same.
      const std::size_t scheme = (i + static_cast<std::size_t>(round)) % kSchemes.size();
      Server server(tcp);
      const auto under_test = make(scheme, server.take_socket());
      results[scheme].push_back(measure(*under_test, threads, duration));
    }
  }
  const double own = median(results[0]);
  const double reactor = median(results[1]);
  const double everyone = median(results[2]);
  std::printf(
      "{\"transport\": \"%s\", \"threads\": %d, \"turnstile_ns\": %.0f, \"reactor_ns\": %.0f, "
      "\"wake_everyone_ns\": %.0f, \"reactor_ratio\": %.2f, \"wake_everyone_ratio\": %.2f}\n",
      tcp ? "tcp" : "unix", threads, own, reactor, everyone, reactor / own, everyone / own);
  std::fflush(stdout);
}

}  // namespace
}  // namespace sinew::rpc

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 9;
  const auto duration = std::chrono::milliseconds(count > 2 ? std::atoi(arguments[2]) : 150);
  for (const bool tcp : {true, false}) {
    for (const int threads : {1, 4, 16}) sinew::rpc::compare(tcp, threads, rounds, duration);
  }
  return 0;
}
