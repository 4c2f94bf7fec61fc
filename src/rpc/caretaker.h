#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include <tsl/robin_map.h>

#include "base/clock.h"

namespace sinew::rpc {

class Connection;

/// Looks after connections when no thread of the program comes by to do it; one thread a process.
///
/// It sends what is held back. Answers and asynchronous requests in quick succession leave together
/// in one system call, and releases travel in front of the next message. Each relies on something
/// that follows at once; a long call or an idle program breaks that promise, and this thread keeps
/// it a fraction of a millisecond later. It also comes back for bytes that found no room.
///
/// It looks at connections now and then (Connection::look_after()): for signs of life, and for
/// what concerns the work that is being done for the peer.
///
/// It runs no user code and takes no GIL, so that a program that computes for minutes still shows
/// that it lives. It is only started when something is asked of it for the first time.
///
/// threads: any. The thread sleeps for as long as nothing is due.
class Caretaker {
 public:
  /// The one of this process; a child after fork() gets its own.
  static Caretaker& get();

  /// Has Connection::idle_flush() called at `due` or soon after. Throws std::system_error when the
  /// thread cannot be started, std::bad_alloc.
  void arm(Connection& connection, TimePoint due);

  /// Has Connection::look_after() called at `due` or soon after, unless that is to happen earlier
  /// anyway. Throws as arm() does.
  void visit(Connection& connection, TimePoint due);

  /// Forgets the connection; nothing of it is being looked at any more on return. Not from
  /// idle_flush() or look_after().
  void forget(Connection& connection) noexcept;

 private:
  using Agenda = tsl::robin_map<Connection*, TimePoint>;

  void start_locked();
  void run();
  void flush_due(TimePoint now, std::unique_lock<std::mutex>& lock) noexcept;
  void visit_due(TimePoint now, std::unique_lock<std::mutex>& lock) noexcept;
  void note_visit_locked(Connection& connection, TimePoint due);
  void visit_again_locked(Connection& connection, TimePoint due) noexcept;
  Connection* take_due_locked(TimePoint now) noexcept;
  TimePoint next_wake_locked(TimePoint now) const noexcept;
  void busy_with_locked(Connection* connection) noexcept;

  std::mutex mutex_;
  std::condition_variable armed_;            // lint: own thread
  std::condition_variable left_;             // lint: own thread
  Agenda due_;                               // guarded by mutex_: when to flush
  Agenda visits_;                            // guarded by mutex_: when to look after
  std::vector<Connection*> round_;           // guarded by mutex_: to be looked after now
  TimePoint next_visit_ = TimePoint::max();  // guarded by mutex_: no later than any in visits_
  Connection* busy_with_ = nullptr;          // guarded by mutex_
  TimePoint wakes_at_ = TimePoint::max();    // guarded by mutex_
  TimePoint last_armed_{};                   // guarded by mutex_
  bool started_ = false;                     // guarded by mutex_
};

}  // namespace sinew::rpc
