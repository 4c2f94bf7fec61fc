#include "trace/relay.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <atomic>
#include <exception>
#include <utility>
#include <vector>

#include "base/error.h"
#include "io/address.h"
#include "io/socket_stream.h"

// Design notes.
//   A link has two threads, one for each direction. The one for what the client says connects to
//   the target first, starts the other and joins it; the relay joins that one. What one side says
//   is told to the journal before it is passed on: an answer to it cannot be told of earlier.
//   Telling waits for nobody. An end of what one side says is passed on as such, if the other one
//   is a bare socket; any other failure ends both.

namespace sinew::trace {
namespace {

constexpr std::size_t kAtOnce = 64 * 1024;

WallTime now() noexcept { return std::chrono::system_clock::now(); }

bool write_all(io::Stream& to, ByteView bytes) {
  while (!bytes.empty()) {
    const iovec piece{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    const auto taken = to.try_write({&piece, 1});
    if (taken) {
      bytes = bytes.subspan(*taken);
    } else if (taken.error() == Errc::kWouldBlock) {
      static_cast<void>(to.wait({.writable = true}, Deadline::never()));
    } else if (taken.error() != Errc::kInterrupted) {
      return false;
    }
  }
  return true;
}

}  // namespace

class Relay::Link {
 public:
  Link(Relay& relay, io::Fd socket, std::uint64_t number)
      : relay_(relay),
        number_(number),
        client_(std::make_unique<io::SocketStream>(std::move(socket))),
        thread_([this] { run(); }) {}
  ~Link() {
    stop();
    thread_.join();
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  bool has_ended() const noexcept { return ended_.load(); }

  void stop() noexcept {
    client_->interrupt();
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    if (server_) server_->interrupt();
  }

 private:
  void run() noexcept {
    try {
      if (reach_target()) {
        std::thread back([this] { pass_on(Side::kServer, *server_, *client_); });
        pass_on(Side::kClient, *client_, *server_);
        back.join();
      }
    } catch (const std::exception& error) {  // no thread, no memory
      tell(Journal::Entry::Kind::kRefused, Side::kClient, error.what());
    }
    client_->interrupt();
    ended_.store(true);
    relay_.room_.wake();
  }

  // False: there is none, or nobody wants it any more.
  bool reach_target() {
    std::unique_ptr<io::Stream> made;
    try {
      made = relay_.connect_();
    } catch (const Error& error) {
      tell(Journal::Entry::Kind::kRefused, Side::kServer, error.what());
      return false;
    }
    tell(Journal::Entry::Kind::kOpened, Side::kClient,
         client_->describe() + " -> " + made->describe());
    const std::scoped_lock lock(mutex_);
    server_ = std::move(made);
    return !stopped_;
  }

  void pass_on(Side from, io::Stream& source, io::Stream& sink) noexcept try {
    Cutter cutter(from, relay_.options_.most_kept);
    std::vector<std::uint8_t> buffer(kAtOnce);
    bool orderly = false;
    while (true) {
      const auto read = source.read(buffer, 1, Deadline::never());
      if (!read && (read.error() == Errc::kInterrupted || read.error() == Errc::kWouldBlock))
        continue;
      if (!read) {
        orderly = read.error() == Errc::kEndOfStream;
        break;
      }
      const ByteView bytes = ByteView(buffer).first(*read);
      note(from, cutter, bytes);
      if (!write_all(sink, bytes)) break;
    }
    cutter.end([&](Piece&& piece) { add(from, std::move(piece), now()); });
    tell(Journal::Entry::Kind::kEnded, from, {});
    end(orderly, source, sink);
  } catch (...) {  // out of memory
    source.interrupt();
    sink.interrupt();
  }

  void note(Side from, Cutter& cutter, ByteView bytes) {
    const WallTime time = now();
    cutter.feed(bytes, [&](Piece&& piece) { add(from, std::move(piece), time); });
  }
  void add(Side from, Piece&& piece, WallTime time) {
    relay_.journal_.add(
        {.connection = number_, .from = from, .time = time, .piece = std::move(piece)});
  }
  void tell(Journal::Entry::Kind kind, Side from, std::string text) {
    relay_.journal_.add({.kind = kind,
                         .connection = number_,
                         .from = from,
                         .time = now(),
                         .text = std::move(text)});
  }

  // A side that has said its last may still want to hear the other.
  static void end(bool orderly, io::Stream& source, io::Stream& sink) noexcept {
    const bool bare = dynamic_cast<io::SocketStream*>(&source) != nullptr &&
                      dynamic_cast<io::SocketStream*>(&sink) != nullptr;
    if (orderly && bare) {
      ::shutdown(sink.descriptor(), SHUT_WR);
      return;
    }
    source.interrupt();
    sink.interrupt();
  }

  Relay& relay_;
  const std::uint64_t number_;
  const std::unique_ptr<io::Stream> client_;
  std::mutex mutex_;
  std::unique_ptr<io::Stream> server_;  // guarded by mutex_ until it is made
  bool stopped_ = false;                // guarded by mutex_
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

Relay::Relay(io::Fd listener, Connect connect, Journal& journal, const RelayOptions& options)
    : listener_(std::move(listener)),
      connect_(std::move(connect)),
      journal_(journal),
      options_(options),
      thread_([this] { accept_clients(); }) {}

Relay::~Relay() {
  stop();
  thread_.join();
}

void Relay::stop() noexcept {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  for (const auto& link : links_) link->stop();
  room_.wake();
}

void Relay::accept_clients() noexcept {
  try {
    for (std::uint64_t number = 1; options_.follow || number == 1; ++number) {
      wait_for_links(options_.max_connections - 1);
      auto socket = accept_one();
      if (!socket) break;
      const std::scoped_lock lock(mutex_);
      if (stopped_) break;
      links_.push_back(std::make_unique<Link>(*this, *std::move(socket), number));
    }
    ::shutdown(listener_.get(), SHUT_RDWR);
    wait_for_links(0);
  } catch (const std::exception& error) {  // no thread, no memory
    journal_.add({.kind = Journal::Entry::Kind::kRefused, .time = now(), .text = error.what()});
  }
  journal_.close();
}

// What the system is out of, other programs give back.
Result<io::Fd> Relay::accept_one() noexcept {
  constexpr Duration kPause = std::chrono::milliseconds(100);
  while (true) {
    auto socket = io::accept(listener_.get(), Deadline::never());
    if (socket || (socket.error() != Errc::kInterrupted && socket.error() != Errc::kQueueFull)) {
      return socket;
    }
    if (socket.error() == Errc::kQueueFull) {
      static_cast<void>(room_.park(Deadline::after(kPause)));
    }
  }
}

// Until at most so many links are left.
void Relay::wait_for_links(std::size_t most) {
  while (true) {
    std::list<std::unique_ptr<Link>> ended;  // joined without the lock
    {
      const std::scoped_lock lock(mutex_);
      for (auto link = links_.begin(); link != links_.end();) {
        const auto here = link++;
        if ((*here)->has_ended()) ended.splice(ended.end(), links_, here);
      }
      if (links_.size() <= most) return;
    }
    static_cast<void>(room_.park(Deadline::never()));
  }
}

}  // namespace sinew::trace
