#include "base/clock.h"

#include <gtest/gtest.h>

namespace sinew {
namespace {

using std::chrono::seconds;

TEST(Clock, TheSystemClockGoesForward) {
  const TimePoint before = Clock::system().now();
  EXPECT_LE(before, Clock::system().now());
  EXPECT_FALSE(Clock::system().is_manual());
}

TEST(Clock, AManualClockStandsStillUntilItIsAdvanced) {
  ManualClock clock;
  const TimePoint before = clock.now();
  EXPECT_EQ(clock.now(), before);
  clock.advance(seconds(5));
  EXPECT_EQ(clock.now() - before, seconds(5));
}

TEST(Clock, ListenersAreToldOfEachAdvanceUntilTheyLeave) {
  struct Counter final : ManualClock::Listener {
    void time_advanced() noexcept override { ++told; }
    int told = 0;
  };
  ManualClock clock;
  Counter counter;
  clock.add(counter);
  EXPECT_EQ(clock.listener_count(), 1u);
  clock.advance(seconds(1));
  clock.advance(seconds(1));
  clock.remove(counter);
  clock.advance(seconds(1));
  EXPECT_EQ(counter.told, 2);
  EXPECT_EQ(clock.listener_count(), 0u);
}

TEST(Deadline, PassesWhenItsTimeHasCome) {
  ManualClock clock;
  const Deadline deadline = Deadline::after(seconds(10), clock);
  EXPECT_FALSE(deadline.passed());
  EXPECT_EQ(deadline.remaining(), seconds(10));
  clock.advance(seconds(10));
  EXPECT_TRUE(deadline.passed());
  clock.advance(seconds(10));
  EXPECT_EQ(deadline.remaining(), Duration::zero());
}

TEST(Deadline, NeverNeverPasses) {
  EXPECT_TRUE(Deadline::never().is_never());
  EXPECT_FALSE(Deadline::never().passed());
  EXPECT_EQ(Deadline::never().remaining(), Duration::max());
}

TEST(Deadline, ADurationBelowZeroCountsAsZero) {
  ManualClock clock;
  EXPECT_TRUE(Deadline::after(seconds(-5), clock).passed());
  EXPECT_TRUE(Deadline::after(Duration::min(), clock).passed());
}

TEST(Deadline, ADurationBeyondTheClockCountsAsNever) {
  EXPECT_TRUE(Deadline::after(Duration::max()).is_never());
  ManualClock clock;
  clock.advance(seconds(1));
  EXPECT_TRUE(Deadline::after(Duration::max(), clock).is_never());
}

TEST(Deadline, TheEarlierOfTwo) {
  ManualClock clock;
  const Deadline soon = Deadline::after(seconds(1), clock);
  const Deadline late = Deadline::after(seconds(2), clock);
  EXPECT_EQ(Deadline::earlier(soon, late).at(), soon.at());
  EXPECT_EQ(Deadline::earlier(late, soon).at(), soon.at());
  EXPECT_EQ(Deadline::earlier(Deadline::never(), soon).at(), soon.at());
}

}  // namespace
}  // namespace sinew
