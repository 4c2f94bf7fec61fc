#include "base/parker.h"

#include <gtest/gtest.h>

#include <optional>

#include "base/eventually.h"

namespace sinew {
namespace {

using std::chrono::seconds;

TEST(Parker, ATokenLeftBeforeEndsTheNextWaitAtOnce) {
  Parker parker;
  parker.wake();
  parker.wake();  // counts as one
  EXPECT_EQ(parker.park(Deadline::never()), Parker::Wake::kWoken);
  EXPECT_EQ(parker.park(Deadline::after(Duration::zero())), Parker::Wake::kTimedOut);
}

TEST(Parker, NobodyIsAsleepSoNoKickIsNeeded) {
  Parker parker;
  EXPECT_FALSE(parker.post());
  EXPECT_FALSE(parker.post());
}

TEST(Parker, ASleeperIsWoken) {
  Parker parker;
  std::atomic<int> wakes{0};
  std::thread sleeper([&] {
    for (int i = 0; i < 1000; ++i) {
      EXPECT_EQ(parker.park(Deadline::never()), Parker::Wake::kWoken);
      wakes.fetch_add(1);
    }
  });
  for (int i = 0; i < 1000; ++i) {
    parker.wake();
    ASSERT_TRUE(eventually([&] { return wakes.load() > i; }));
  }
  sleeper.join();
}

TEST(Parker, ADeadlineOfTheSystemClockPasses) {
  Parker parker;
  const Deadline deadline = Deadline::after(std::chrono::milliseconds(2));
  EXPECT_EQ(parker.park(deadline), Parker::Wake::kTimedOut);
  EXPECT_TRUE(deadline.passed());
}

TEST(Parker, ADeadlineOfAManualClockPassesWhenItIsAdvanced) {
  ManualClock clock;
  Parker parker;
  std::thread sleeper([&] {
    EXPECT_EQ(parker.park(Deadline::after(seconds(30), clock)), Parker::Wake::kTimedOut);
  });
  ASSERT_TRUE(eventually([&] { return clock.listener_count() == 1; }));
  clock.advance(seconds(30));
  sleeper.join();
  EXPECT_EQ(clock.listener_count(), 0u);
}

TEST(Parker, AManualDeadlineThatHasPassedDoesNotSleep) {
  ManualClock clock;
  const Deadline deadline = Deadline::after(seconds(1), clock);
  clock.advance(seconds(2));
  Parker parker;
  EXPECT_EQ(parker.park(deadline), Parker::Wake::kTimedOut);
}

TEST(Parker, ASignalInterruptsASleeper) {
  const InterruptingSignal signal;
  Parker parker;
  std::atomic<bool> left{false};
  std::thread sleeper([&] {
    EXPECT_EQ(parker.park(Deadline::never()), Parker::Wake::kInterrupted);
    left.store(true);
  });
  EXPECT_TRUE(eventually([&] {
    if (!left.load()) signal.send_to(sleeper);
    return left.load();
  }));
  sleeper.join();
}

TEST(Parker, ATokenWinsOverASignalThatComesWithIt) {
  const InterruptingSignal signal;
  for (int i = 0; i < 200; ++i) {
    Parker parker;
    int woken = 0;
    std::thread sleeper([&] {
      // However the two meet, the token is not lost.
      while (parker.park(Deadline::never()) != Parker::Wake::kWoken) {
      }
      ++woken;
    });
    signal.send_to(sleeper);
    parker.wake();
    sleeper.join();
    ASSERT_EQ(woken, 1);
  }
}

TEST(Parker, AKickMayComeWhenTheParkerIsGone) {
  std::optional<Parker> parker(std::in_place);
  const void* const address = parker->address();
  parker.reset();
  Parker::kick(address);  // names an address only
}

}  // namespace
}  // namespace sinew
