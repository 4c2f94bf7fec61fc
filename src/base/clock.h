#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

namespace sinew {

using Duration = std::chrono::nanoseconds;

/// A moment of some Clock: nanoseconds since that clock's epoch.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Where time comes from. The system's monotonic clock in production; a ManualClock in tests, so
/// that a thirty-second deadline is tested in no time and without sleeping.
///
/// threads: any.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const noexcept = 0;

  /// True when time only moves by ManualClock::advance(): waits then have no timeout of their own
  /// and are woken by it.
  virtual bool is_manual() const noexcept { return false; }

  /// CLOCK_MONOTONIC.
  static const Clock& system() noexcept;
};

/// The end of a wait. Never is a value too, so that no caller needs an optional.
class Deadline {
 public:
  /// No end.
  static Deadline never() noexcept { return Deadline(Clock::system(), TimePoint::max()); }

  /// `duration` from now; a duration below zero counts as zero, one beyond the clock's range as
  /// never.
  static Deadline after(Duration duration, const Clock& clock = Clock::system()) noexcept;

  bool is_never() const noexcept { return at_ == TimePoint::max(); }
  bool passed() const noexcept { return !is_never() && clock_->now() >= at_; }

  /// What is left, at least zero; Duration::max() for never.
  Duration remaining() const noexcept;

  TimePoint at() const noexcept { return at_; }
  const Clock& clock() const noexcept { return *clock_; }

  /// The earlier of the two. Both must be of the same clock unless one is never.
  static Deadline earlier(Deadline a, Deadline b) noexcept { return a.at_ <= b.at_ ? a : b; }

 private:
  Deadline(const Clock& clock, TimePoint at) noexcept : clock_(&clock), at_(at) {}

  const Clock* clock_;
  TimePoint at_;
};

/// A clock that stands still until advance() is called.
///
/// threads: any.
class ManualClock final : public Clock {
 public:
  /// Told after each advance; used by waiters to look at their deadline again.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void time_advanced() noexcept = 0;
  };

  TimePoint now() const noexcept override;
  bool is_manual() const noexcept override { return true; }

  /// Moves time forward and wakes all that wait on a deadline of this clock.
  void advance(Duration by);

  /// How many listeners are waiting now: what a test polls for before it advances the clock.
  std::size_t listener_count() const;

  void add(Listener& listener) const;
  void remove(Listener& listener) const;

 private:
  mutable std::mutex mutex_;
  TimePoint now_{};                           // guarded by mutex_
  mutable std::vector<Listener*> listeners_;  // guarded by mutex_
};

}  // namespace sinew
