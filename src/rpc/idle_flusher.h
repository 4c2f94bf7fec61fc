#pragma once

#include <condition_variable>
#include <mutex>

#include <tsl/robin_map.h>

#include "base/clock.h"

namespace sinew::rpc {

class Connection;

/// Sends what connections hold back, when nobody comes by to do it.
///
/// Answers and asynchronous requests in quick succession leave together in one system call, and
/// releases travel in front of the next message. Each relies on something that follows at once; a
/// long call or an idle program breaks that promise, and this thread, one per process, keeps it a
/// fraction of a millisecond later. It also comes back for bytes that found no room. It runs no
/// user code and takes no GIL, and it is only started when something is held back for the first
/// time.
///
/// threads: any. The thread sleeps for as long as nothing is held back.
class IdleFlusher {
 public:
  /// The one of this process; a child after fork() gets its own.
  static IdleFlusher& get();

  /// Has Connection::idle_flush() called at `due` or soon after. Throws std::system_error when the
  /// thread cannot be started, std::bad_alloc.
  void arm(Connection& connection, TimePoint due);

  /// Forgets the connection; it is not being flushed any more on return. Not from idle_flush().
  void forget(Connection& connection) noexcept;

 private:
  void start_locked();
  void run();
  Connection* take_due_locked(TimePoint now) noexcept;
  TimePoint next_wake_locked(TimePoint now) const noexcept;

  std::mutex mutex_;
  std::condition_variable armed_;               // lint: own thread
  std::condition_variable flushed_;             // lint: own thread
  tsl::robin_map<Connection*, TimePoint> due_;  // guarded by mutex_
  Connection* flushing_ = nullptr;              // guarded by mutex_: what the thread is busy with
  TimePoint wakes_at_ = TimePoint::max();       // guarded by mutex_
  TimePoint last_armed_{};                      // guarded by mutex_
  bool started_ = false;                        // guarded by mutex_
};

}  // namespace sinew::rpc
