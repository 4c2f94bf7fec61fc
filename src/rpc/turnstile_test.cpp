#include "rpc/turnstile.h"

#include <gtest/gtest.h>

namespace sinew::rpc {
namespace {

bool has_token(Seat& seat) {
  return seat.parker.park(Deadline::after(Duration::zero())) == Parker::Wake::kWoken;
}

TEST(Turnstile, TheFirstToComeLeads) {
  Turnstile turnstile;
  Seat first;
  Seat second;
  EXPECT_FALSE(turnstile.has_leader());
  EXPECT_TRUE(turnstile.try_lead(first));
  EXPECT_TRUE(turnstile.try_lead(first)) << "who leads already, leads";
  EXPECT_FALSE(turnstile.try_lead(second));
  EXPECT_TRUE(turnstile.leads(first));
  EXPECT_FALSE(turnstile.leads(second));
}

TEST(Turnstile, WhoStopsLeadingPromotesTheOneThatWaitedLongest) {
  Turnstile turnstile;
  Seat leader;
  Seat first;
  Seat second;
  ASSERT_TRUE(turnstile.try_lead(leader));
  turnstile.enqueue(first);
  turnstile.enqueue(second);
  EXPECT_EQ(turnstile.abdicate(), nullptr) << "nobody slept yet: the token alone is enough";
  EXPECT_TRUE(turnstile.leads(first));
  EXPECT_FALSE(first.queued);
  EXPECT_TRUE(has_token(first));
  EXPECT_FALSE(has_token(second));
  EXPECT_EQ(turnstile.abdicate(), nullptr);
  EXPECT_TRUE(turnstile.leads(second));
  EXPECT_FALSE(turnstile.has_followers());
}

TEST(Turnstile, TheLastOneLeavesNobodyLeading) {
  Turnstile turnstile;
  Seat only;
  ASSERT_TRUE(turnstile.try_lead(only));
  EXPECT_EQ(turnstile.abdicate(), nullptr);
  EXPECT_FALSE(turnstile.has_leader());
}

TEST(Turnstile, AnyFollowerMayLeaveTheQueue) {
  Turnstile turnstile;
  Seat leader;
  Seat seats[4];
  ASSERT_TRUE(turnstile.try_lead(leader));
  for (Seat& seat : seats) turnstile.enqueue(seat);
  turnstile.dequeue(seats[1]);  // in the middle
  turnstile.dequeue(seats[0]);  // at the front
  turnstile.dequeue(seats[3]);  // at the end
  turnstile.dequeue(seats[3]);  // not there any more
  turnstile.enqueue(seats[0]);
  static_cast<void>(turnstile.abdicate());
  EXPECT_TRUE(turnstile.leads(seats[2]));
  static_cast<void>(turnstile.abdicate());
  EXPECT_TRUE(turnstile.leads(seats[0]));
  EXPECT_FALSE(turnstile.has_followers());
}

TEST(Turnstile, TheEndWakesEveryFollower) {
  Turnstile turnstile;
  Seat leader;
  Seat first;
  Seat second;
  ASSERT_TRUE(turnstile.try_lead(leader));
  turnstile.enqueue(first);
  turnstile.enqueue(second);
  turnstile.wake_all();
  EXPECT_FALSE(has_token(leader)) << "the leader is woken by its stream";
  EXPECT_TRUE(has_token(first));
  EXPECT_TRUE(has_token(second));
  EXPECT_TRUE(turnstile.leads(leader));
}

}  // namespace
}  // namespace sinew::rpc
