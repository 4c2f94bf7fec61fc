#include "base/clock.h"

#include <algorithm>
#include <cstddef>
#include <new>

namespace sinew {
namespace {

class SystemClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
};

}  // namespace

const Clock& Clock::system() noexcept {
  // Never destroyed: a thread may look at it while the process ends. In place: nothing can fail.
  alignas(SystemClock) static std::byte place[sizeof(SystemClock)];
  static const Clock* const clock = new (place) SystemClock();
  return *clock;
}

Deadline Deadline::after(Duration duration, const Clock& clock) noexcept {
  const TimePoint now = clock.now();
  if (duration >= TimePoint::max() - now) return {clock, TimePoint::max()};
  return {clock, now + std::max(duration, Duration::zero())};
}

Duration Deadline::remaining() const noexcept {
  if (is_never()) return Duration::max();
  return std::max(at_ - clock_->now(), Duration::zero());
}

TimePoint ManualClock::now() const noexcept {
  const std::scoped_lock lock(mutex_);
  return now_;
}

void ManualClock::advance(Duration by) {
  const std::scoped_lock lock(mutex_);
  now_ += by;
  // Under the lock: a listener may not leave while it is being told. time_advanced() only posts a
  // wake-up, so it cannot come back here.
  for (Listener* listener : listeners_) listener->time_advanced();
}

std::size_t ManualClock::listener_count() const {
  const std::scoped_lock lock(mutex_);
  return listeners_.size();
}

void ManualClock::add(Listener& listener) const {
  const std::scoped_lock lock(mutex_);
  listeners_.push_back(&listener);
}

void ManualClock::remove(Listener& listener) const {
  const std::scoped_lock lock(mutex_);
  std::erase(listeners_, &listener);
}

}  // namespace sinew
