#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/reader.h"
#include "base/writer.h"
#include "io/memory_stream.h"
#include "rpc/connection.h"

/// For the tests of rpc/ and of what stands on it: the smallest dialect that a Session allows, a
/// Dispatcher made of a function, and two connections that are married in memory.
///
///     frame: uint32 size of the rest | uint8 kind (0 request, 1 reply, 2 exception) | uint64 seq |
///     body
namespace sinew::rpc::testing {

inline constexpr std::size_t kHeaderSize = 4;
inline constexpr std::size_t kRestSize = 9;  // kind and seq

inline void write_frame(Writer& out, Incoming::Kind kind, std::int64_t seq, ByteView body,
                        std::shared_ptr<const void> owner = {}) {
  out.put_be32(static_cast<std::uint32_t>(kRestSize + body.size()));
  out.put(static_cast<std::uint8_t>(kind));
  out.put_be64(static_cast<std::uint64_t>(seq));
  owner ? out.borrow(body, std::move(owner)) : out.append(body);
}

class TestSession final : public Session {
 public:
  explicit TestSession(std::size_t max_frame = std::size_t{1} << 30) : max_frame_(max_frame) {}

  Result<std::size_t> frame_size(ByteView start) override {
    if (start.size() < kHeaderSize) return 0;
    const std::size_t rest = load_be32(start.data());
    if (rest > max_frame_) return sinew::fail(Errc::kFrameTooLarge);
    return rest < kRestSize ? Result<std::size_t>(sinew::fail(Errc::kBadFrame))
                            : kHeaderSize + rest;
  }
  std::size_t header_size() const noexcept override { return kHeaderSize; }

  Result<Incoming> open(Slice frame) override {
    const ByteView bytes = frame.bytes();
    if (bytes[kHeaderSize] > 2) return sinew::fail(Errc::kUnknownMessage);
    // A request "@N..." is made on behalf of the question N, a digit; "#N..." is for the thread N.
    const ByteView text = bytes.subspan(kHeaderSize + kRestSize);
    const bool is_long = text.size() > 1 && bytes[kHeaderSize] == 0;
    const bool for_another = is_long && text[0] == '@';
    const bool for_thread = is_long && text[0] == '#';
    return Incoming{.kind = static_cast<Incoming::Kind>(bytes[kHeaderSize]),
                    .seq = static_cast<std::int64_t>(load_be64(bytes.data() + kHeaderSize + 1)),
                    .body = std::move(frame).narrow(text),
                    .recipient_thread = for_thread ? text[1] - std::uint64_t{'0'} : 0,
                    .on_behalf_of = for_another ? text[1] - '0' : Incoming::kNobody};
  }

  /// An answer that begins with '&' hands over references.
  bool carries_references(const Incoming& answer) const noexcept override {
    return as_text(answer.body.bytes()).starts_with('&');
  }

  std::function<void()> on_look = [] {};  ///< whoever looks at what has come, without reading it

  void find_cancels(ByteView, const std::function<void(std::int64_t)>&) override { on_look(); }

 private:
  const std::size_t max_frame_;
};

/// Answers each request with what a function says, an answer of "!..." as an exception.
///
/// threads: any, once `on_request` is set.
class TestDispatcher final : public Dispatcher {
 public:
  using Answer = std::optional<std::string>;

  /// Called for each request with its body; nothing: no answer is sent.
  std::function<Answer(Connection&, std::string_view)> on_request =
      [](Connection&, std::string_view body) { return Answer(body); };
  std::function<void(Call&)> on_completed = [](Call&) {};
  std::function<bool()> on_interrupt = [] { return true; };
  bool stop_after_each = false;
  std::mutex* held = nullptr;  ///< while it dispatches, as Python holds the GIL

  void dispatch(WorkQueue& queue) noexcept override {
    const std::unique_lock lock =
        held != nullptr ? std::unique_lock(*held) : std::unique_lock<std::mutex>();
    while (auto work = queue.take()) {
      // No lock on purpose: between take() and begin() this thread is the only one, which the
      // thread sanitizer checks here.
      started.emplace_back(as_text(work->incoming.body.bytes()));
      queue.begin();
      serve(queue.connection(), *work);
      if (stop_after_each) queue.stop();
      if (queue.stopped()) return;
    }
  }

  void messages_left() noexcept override { left.fetch_add(1); }

  bool interrupted() noexcept override {
    interruptions.fetch_add(1);
    return on_interrupt();
  }

  std::vector<std::string> started;  ///< bodies in the order of begin()
  std::atomic<int> served{0};
  std::atomic<int> late_answers{0};
  std::atomic<int> left{0};
  std::atomic<int> interruptions{0};

 private:
  void serve(Connection& connection, const Work& work) {
    if (work.completed != nullptr) {
      on_completed(*work.completed);
    } else if (work.incoming.kind != Incoming::Kind::kRequest) {
      late_answers.fetch_add(1);
    } else if (auto answer = on_request(connection, as_text(work.incoming.body.bytes()))) {
      send(connection, work.incoming.seq, std::move(*answer));
    }
    served.fetch_add(1);
  }

  void send(Connection& connection, std::int64_t seq, std::string answer) {
    const bool exception = answer.starts_with('!');
    const auto owner = std::make_shared<const std::string>(std::move(answer));
    Writer out;
    write_frame(out, exception ? Incoming::Kind::kException : Incoming::Kind::kReply, seq,
                as_bytes(*owner), owner->size() > 4096 ? owner : nullptr);
    const auto sent = connection.send_answer(out);
    if (sent && !*sent) static_cast<void>(connection.drain(Deadline::never()));
  }
};

/// One side: a connection and what serves it.
struct Side {
  TestDispatcher dispatcher;
  TestSession* session = nullptr;  // the connection's
  std::unique_ptr<Connection> connection;

  Connection* operator->() const noexcept { return connection.get(); }

  void open(std::unique_ptr<io::Stream> stream, const Limits& limits = {}) {
    auto made = std::make_unique<TestSession>();
    session = made.get();
    connection =
        std::make_unique<Connection>(std::move(stream), std::move(made), dispatcher, limits);
  }
};

/// Two sides joined in memory.
struct Pair {
  explicit Pair(std::size_t capacity = 64 * 1024, const Limits& limits = {}) {
    auto [one, two] = io::make_memory_pair(capacity);
    a.open(std::move(one), limits);
    b.open(std::move(two), limits);
  }

  Side a;
  Side b;
};

/// A connection against whose other end the test reads and writes bytes itself.
struct Wired {
  explicit Wired(std::size_t capacity = 64 * 1024, const Limits& limits = {}) {
    auto [one, two] = io::make_memory_pair(capacity);
    side.open(std::move(one), limits);
    peer = std::move(two);
  }

  /// The peer sends a frame.
  void arrives(Incoming::Kind kind, std::int64_t seq, std::string_view body) {
    Writer out;
    write_frame(out, kind, seq, as_bytes(body));
    raw(out.copied());
  }
  void raw(ByteView bytes) { static_cast<void>(write_some(bytes)); }

  /// The peer sends as much of `bytes` as fits now.
  std::size_t write_some(ByteView bytes) {
    const iovec piece{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    return peer->try_write({&piece, 1}).value_or(0);
  }

  /// What the connection has sent and nobody has read, at most 64 KiB.
  std::string sent() {
    std::string bytes(64 * 1024, '\0');
    const auto count =
        peer->try_read({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}, 1);
    bytes.resize(count.value_or(0));
    return bytes;
  }

  Side side;
  std::unique_ptr<io::Stream> peer;
};

/// Threads that serve a connection until it is dead; the destructor kills it and joins them.
class Serving {
 public:
  explicit Serving(Connection& connection, int threads = 1) : connection_(connection) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([&connection] {
        while (connection.serve(Deadline::never(), false) != WaitStatus::kDead) {
        }
      });
    }
  }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;
  ~Serving() {
    connection_.fail(Error(Error::Kind::kFailed, "the test is over"));
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  Connection& connection_;
  std::vector<std::thread> threads_;
};

/// Sends the request of `call`, all of it.
inline Result<void> send(Connection& connection, Call& call, std::string_view body) {
  Writer out;
  // Whoever waits for `call` keeps `body`, which therefore needs no owner of its own.
  write_frame(out, Incoming::Kind::kRequest, call.seq(), as_bytes(body),
              body.size() > 4096 ? std::shared_ptr<const void>(std::shared_ptr<void>(), body.data())
                                 : nullptr);
  SINEW_ASSIGN(const bool all, connection.start(call, out));
  if (!all) static_cast<void>(connection.drain(Deadline::never()));
  return {};
}

inline std::string answer_of(const Call& call) {
  switch (call.outcome()) {
    case Call::Outcome::kReply:
    case Call::Outcome::kException: return std::string(as_text(call.body().bytes()));
    case Call::Outcome::kFailed: return "failed: " + call.error()->message();
    case Call::Outcome::kExpired: return "expired";
    case Call::Outcome::kPending: break;
  }
  return "pending";
}

/// Asks and waits for the answer, which is returned as text.
inline std::string ask(Connection& connection, std::string_view body) {
  Call call(connection.next_seq());
  if (const auto sent = send(connection, call, body); !sent) {
    return "refused: " + std::string(describe(sent.error()));
  }
  while (true) {
    const WaitStatus status = connection.wait(call, Deadline::never());
    if (status == WaitStatus::kDone || status == WaitStatus::kDead) return answer_of(call);
  }
}

}  // namespace sinew::rpc::testing
