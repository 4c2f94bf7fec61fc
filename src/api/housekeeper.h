#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "base/clock.h"

namespace sinew::detail {

/// Does what runs the program's own code but belongs to none of its threads, because those that
/// notice such things read for others and must not wait. Two threads a process, each started when
/// its first job comes: get()'s keeps time, and asks work to stop that nobody waits for;
/// announcer()'s calls what is told of the end of a call (then(), coroutines), which may take its
/// time, and lets go of what a dead connection held.
///
/// threads: any; nothing waits in here.
class Housekeeper {
 public:
  /// The ones of this process; a child after fork() gets its own.
  static Housekeeper& get();
  static Housekeeper& announcer();

  using Job = std::function<void()>;
  using Ticket = std::pair<TimePoint, std::uint64_t>;

  /// What a job throws is logged. Without memory, or a thread, it is lost: false.
  bool soon(Job job) noexcept;

  /// Has `job` done at `due`, unless forget() comes before.
  Ticket at(TimePoint due, Job job) noexcept;
  /// The job may be under way, or done.
  void forget(const Ticket& ticket) noexcept;

 private:
  void wake_locked(TimePoint due);
  void run() noexcept;

  std::mutex mutex_;
  std::condition_variable wake_;           // lint: own thread
  std::deque<Job> jobs_;                   // guarded by mutex_
  std::map<Ticket, Job> later_;            // guarded by mutex_
  std::uint64_t next_ = 0;                 // guarded by mutex_
  TimePoint wakes_at_ = TimePoint::max();  // guarded by mutex_
  bool started_ = false;                   // guarded by mutex_
};

}  // namespace sinew::detail
