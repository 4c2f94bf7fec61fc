#pragma once

#include <sys/socket.h>

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "base/log.h"
#include "io/fd.h"

/// For the tests of server/: clients follow a script, byte by byte. Each byte is a request, and its
/// answer is the same byte:
///
///     'w' is answered once the gate is open; 'q' ends the connection unanswered; 'x', in a pool,
///     closes the descriptor that is watched; any other byte is answered at once
namespace sinew::server::testing {

/// Once open it stays open. threads: any.
class Gate {
 public:
  void open() noexcept {
    open_.store(true);
    open_.notify_all();
  }
  void wait() const noexcept { open_.wait(false); }

 private:
  std::atomic<bool> open_{false};
};

/// What all clients of a test share. threads: any.
struct Script {
  Gate gate;
  std::atomic<int> waiting{0};               ///< requests that have come to the gate
  std::atomic<int> served{0};                ///< calls of serve() or serve_available()
  std::atomic<int> overlapped{0};            ///< of these, beside another one on the same client
  std::atomic<int> finished{0};              ///< calls of finish()
  std::atomic<int> interrupted{0};           ///< calls of interrupt()
  std::atomic<std::uint64_t> last_token{0};  ///< of the client that joined a pool last
  std::atomic<int> gone{0};                  ///< calls of gone()
  std::atomic<int> alive{0};                 ///< clients that are not destroyed yet

  void note_thread() {
    const std::scoped_lock lock(mutex);
    threads.insert(std::this_thread::get_id());
  }
  std::size_t threads_seen() const {
    const std::scoped_lock lock(mutex);
    return threads.size();
  }

  mutable std::mutex mutex;
  std::set<std::thread::id> threads;  ///< guarded by mutex: that have served
};

inline void send(const io::Fd& socket, char request) {
  static_cast<void>(::send(socket.get(), &request, 1, MSG_NOSIGNAL));
}

/// The next answer; 0 when the connection is over.
inline char receive(const io::Fd& socket) {
  char answer = 0;
  return ::recv(socket.get(), &answer, 1, 0) == 1 ? answer : '\0';
}

inline char ask(const io::Fd& socket, char request) {
  send(socket, request);
  return receive(socket);
}

/// Keeps what is logged while it is installed. threads: any.
class Recorder final : public LogSink {
 public:
  Recorder() : before_(install_log_sink(this)) {}
  ~Recorder() override { install_log_sink(before_); }

  bool wants(LogLevel level) const noexcept override { return level >= LogLevel::kWarning; }
  void write(LogLevel /*level*/, std::string_view text) noexcept override {
    const std::scoped_lock lock(mutex_);
    lines_ += std::string(text) + "\n";
  }
  bool heard(std::string_view text) const {
    const std::scoped_lock lock(mutex_);
    return lines_.find(text) != std::string::npos;
  }

 private:
  LogSink* before_;
  mutable std::mutex mutex_;
  std::string lines_;  // guarded by mutex_
};

}  // namespace sinew::server::testing
