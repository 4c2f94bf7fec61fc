#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

#include "base/clock.h"

namespace sinew::python {

/// Stops requests whose answers nobody waits for: those that the peer cancels, and those whose
/// deadline passes while they are served. One thread a process, started when the first comes,
/// because it takes the GIL to do so, and whoever reads a cancellation must not wait for that.
///
/// A request is named by the serial number of its Peer and its own number: either may be gone.
///
/// threads: any; nothing waits in here.
class Canceller {
 public:
  /// The one of this process; a child after fork() gets its own.
  static Canceller& get();

  /// The peer has cancelled the request.
  void cancel(std::uint64_t peer, std::int64_t seq) noexcept;

  /// Has the request, which is being served, cancelled at `at`, until forget_expiry() with the
  /// same.
  void expire_at(TimePoint at, std::uint64_t peer, std::int64_t seq) noexcept;
  void forget_expiry(TimePoint at, std::uint64_t peer, std::int64_t seq) noexcept;

  /// True if the request, which is about to be served, has been cancelled already. Requests are
  /// served in the order of their numbers, so what is known of earlier ones is forgotten.
  bool was_cancelled(std::uint64_t peer, std::int64_t seq) noexcept;

  /// Cancellations of requests that were not found are remembered for this many, oldest first.
  static constexpr std::size_t kMostEarly = 1000;

  /// Cancellations of one peer that wait for the GIL; beyond it they are dropped.
  static constexpr std::size_t kMostQueued = 1000;

 private:
  using Request = std::pair<std::uint64_t, std::int64_t>;
  using Expiry = std::tuple<TimePoint, std::uint64_t, std::int64_t>;

  void wake_locked(TimePoint at);
  void run() noexcept;
  void collect_due_locked(TimePoint now);
  void remember_early_locked(const Request& request);

  std::mutex mutex_;
  std::condition_variable wake_;                 // lint: own thread
  std::deque<Request> cancelled_;                // guarded by mutex_: to be stopped
  std::map<std::uint64_t, std::size_t> queued_;  // guarded by mutex_: how many a peer has there
  std::set<Expiry> expiries_;                    // guarded by mutex_
  std::set<Request> early_;                      // guarded by mutex_: stopped before they started
  std::deque<Request> early_order_;              // guarded by mutex_
  std::atomic<bool> any_early_{false};           // early_ is not empty
  TimePoint wakes_at_ = TimePoint::max();        // guarded by mutex_
  bool started_ = false;                         // guarded by mutex_
};

}  // namespace sinew::python
