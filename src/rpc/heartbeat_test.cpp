#include "rpc/heartbeat.h"

#include <gtest/gtest.h>

namespace sinew::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kInterval = seconds(4);

struct HeartbeatTest : ::testing::Test {
  TimePoint now{seconds(1000)};
  Heartbeat::Seen seen;

  // Looks as the caretaker does, for `time`; counts the steps.
  struct Counts {
    int shown = 0;
    int asked = 0;
    bool gave_up = false;
  };
  Counts live(Heartbeat& heartbeat, Duration time) {
    Counts counts;
    for (const TimePoint end = now + time; now < end && !counts.gave_up;) {
      const auto step = heartbeat.look(now, seen);
      if (step.show_life) {
        ++counts.shown;
        ++seen.sent;
      }
      if (step.ask) ++counts.asked;
      counts.gave_up = step.give_up;
      now += heartbeat.period();
    }
    return counts;
  }
};

TEST_F(HeartbeatTest, APromisedPeerThatIsSilentIsGivenUpBeforeTwoIntervals) {
  Heartbeat heartbeat(kInterval, now);
  seen.promised = true;
  const TimePoint start = now;
  EXPECT_TRUE(live(heartbeat, seconds(60)).gave_up);
  EXPECT_GT(now - start, kInterval);
  EXPECT_LE(now - start, 2 * kInterval + heartbeat.period());
  EXPECT_LE(heartbeat.silence(), 2 * kInterval);
}

TEST_F(HeartbeatTest, AnythingThatComesKeepsThePeerAlive) {
  Heartbeat heartbeat(kInterval, now);
  seen.promised = true;
  for (int i = 0; i < 20; ++i) {
    ++seen.received;
    EXPECT_FALSE(live(heartbeat, kInterval).gave_up);
  }
}

TEST_F(HeartbeatTest, WhatCannotBeSeenIsNoSilence) {
  Heartbeat heartbeat(kInterval, now);
  seen.promised = seen.unsure = true;
  EXPECT_FALSE(live(heartbeat, seconds(60)).gave_up);
}

TEST_F(HeartbeatTest, AProcessThatWasStoppedDoesNotBlameThePeer) {
  Heartbeat heartbeat(kInterval, now);
  seen.promised = true;
  static_cast<void>(heartbeat.look(now, seen));
  now += seconds(3600);
  EXPECT_FALSE(heartbeat.look(now, seen).give_up);
}

TEST_F(HeartbeatTest, ASignIsShownWithinHalfOfWhatThePeerWants) {
  Heartbeat heartbeat(Duration::zero(), now);
  seen.wanted_every = seconds(2);
  heartbeat.look(now, seen);
  EXPECT_GE(live(heartbeat, seconds(60)).shown, 60);
}

TEST_F(HeartbeatTest, NoSignIsShownWhileThereIsTraffic) {
  Heartbeat heartbeat(Duration::zero(), now);
  seen.wanted_every = seconds(2);
  for (int i = 0; i < 100; ++i) {
    ++seen.sent;
    EXPECT_FALSE(heartbeat.look(now, seen).show_life);
    now += milliseconds(100);
  }
}

TEST_F(HeartbeatTest, APeerCannotHaveSignsAsFastAsItLikes) {
  Heartbeat heartbeat(Duration::zero(), now);
  seen.wanted_every = Duration(1);
  heartbeat.look(now, seen);
  EXPECT_LE(live(heartbeat, seconds(1)).shown, seconds(1) / Heartbeat::kFastest + 1);
}

TEST_F(HeartbeatTest, APeerWithoutPromiseIsAskedOnceAndNotGivenUp) {
  Heartbeat heartbeat(kInterval, now);
  seen.may_ask = true;
  const Counts counts = live(heartbeat, seconds(600));
  EXPECT_EQ(counts.asked, 1);
  EXPECT_FALSE(counts.gave_up);
  ++seen.received;  // it answered
  EXPECT_EQ(live(heartbeat, seconds(600)).asked, 1);
}

TEST_F(HeartbeatTest, APeerWhoseMachineIsGoneIsGivenUp) {
  Heartbeat heartbeat(kInterval, now);
  seen.may_ask = seen.machine_gone = true;
  EXPECT_TRUE(heartbeat.look(now, seen).give_up);
}

TEST_F(HeartbeatTest, WithoutAnyWishThereIsNothingToLookFor) {
  Heartbeat heartbeat(Duration::zero(), now);
  heartbeat.look(now, seen);
  EXPECT_EQ(heartbeat.period(), Duration::zero());
}

}  // namespace
}  // namespace sinew::rpc
