#pragma once

#include <cstdint>

#include "base/clock.h"
#include "gil.h"

namespace sinew::python {

/// How long a call waits for its answer before it gives the GIL up.
///
/// Beside a thread that computes, giving the GIL up costs what CPython's switch interval is, 5 ms:
/// a call of 30 us then takes 5 ms. So once the GIL was slow to come back, the next calls keep it
/// for up to a millisecond, asleep. The computing thread still gets its half: CPython takes the GIL
/// from us between two instructions when the interval is over. Answers that take longer than that
/// make it rarer, down to once in 64 times.
///
/// threads: those that hold the GIL.
class Patience {
 public:
  /// From when a GIL that comes back counts as contended, and how long to keep it then.
  static constexpr Duration kSlow = std::chrono::milliseconds(1);
  static constexpr Duration kBudget = std::chrono::milliseconds(1);

  /// How long this call is to keep the GIL; zero if nobody else seems to want it.
  Duration take() noexcept {
    if (calls_left_ == 0) return Duration::zero();
    --calls_left_;
    return kBudget;
  }

  /// What came of a call with patience: whether its answer came in time.
  void note_answer(bool in_time) noexcept {
    if (in_time) {
      misses_ = 0;
      return;
    }
    if (misses_ < kMostMisses) ++misses_;
    skip_ = (std::uint32_t{1} << misses_) - 1;
    calls_left_ = 0;
  }

  /// A wait without the GIL is over, and it took so long to get it back.
  void note_return(Duration waited) noexcept {
    if (waited < kSlow) return;
    if (skip_ > 0) {
      --skip_;
      return;
    }
    calls_left_ = kCalls;
  }

 private:
  // As many calls are patient without another look at the contention: one call of 5 ms among them
  // is 20 us each.
  static constexpr std::uint32_t kCalls = 256;
  static constexpr std::uint32_t kMostMisses = 6;

  std::uint32_t calls_left_ = 0;  // to be patient with
  std::uint32_t misses_ = 0;      // in a row
  std::uint32_t skip_ = 0;        // contentions to pass over
};

/// Gives the GIL up for the time of `wait()`, and tells `patience` how long it took to come back.
template <class Wait>
auto wait_without_gil(Patience& patience, Wait&& wait) noexcept {
  TimePoint over;
  const auto result = [&] {
    const AllowThreads unlocked;
    const auto status = wait();
    over = Clock::system().now();
    return status;
  }();
  patience.note_return(Clock::system().now() - over);
  return result;
}

}  // namespace sinew::python
