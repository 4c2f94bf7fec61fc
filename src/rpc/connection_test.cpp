#include "rpc/connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/eventually.h"
#include "rpc/test_dialect.h"

namespace sinew::rpc {
namespace {

using namespace testing;
using Kind = Incoming::Kind;
using std::chrono::seconds;

constexpr auto kNow = [] { return Deadline::after(Duration::zero()); };

TEST(Connection, ACallIsAnswered) {
  Pair pair;
  const Serving serving(*pair.b.connection);
  EXPECT_EQ(ask(*pair.a.connection, "hello"), "hello");
  EXPECT_EQ(pair.a->pending_calls(), 0u);
}

TEST(Connection, AnExceptionIsAnAnswerToo) {
  Wired wired;
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  wired.arrives(Kind::kException, call.seq(), "!no");
  EXPECT_EQ(wired.side->wait(call, Deadline::never()), WaitStatus::kDone);
  EXPECT_EQ(call.outcome(), Call::Outcome::kException);
  EXPECT_EQ(answer_of(call), "!no");
}

TEST(Connection, BothSidesCallEachOther) {
  Pair pair;
  const Serving one(*pair.a.connection);
  const Serving other(*pair.b.connection);
  EXPECT_EQ(ask(*pair.a.connection, "to b"), "to b");
  EXPECT_EQ(ask(*pair.b.connection, "to a"), "to a");
}

TEST(Connection, CallsCompleteInAnyOrder) {
  Wired wired;
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < 5; ++i) {
    calls.push_back(std::make_unique<Call>(wired.side->next_seq()));
    ASSERT_TRUE(send(*wired.side.connection, *calls.back(), "question"));
  }
  for (const std::size_t i : {3u, 0u, 4u, 2u, 1u}) {
    wired.arrives(Kind::kReply, calls[i]->seq(), "answer " + std::to_string(i));
  }
  EXPECT_EQ(wired.side->wait(*calls[1], Deadline::never()), WaitStatus::kDone);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(answer_of(*calls[i]), "answer " + std::to_string(i)) << "came before the first's";
  }
}

TEST(Connection, EachOfManyThreadsGetsItsOwnAnswer) {
  constexpr int kThreads = 16;
  constexpr int kCalls = 200;
  Pair pair;
  const Serving serving(*pair.b.connection, 2);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int id = 0; id < kThreads; ++id) {
    threads.emplace_back([&pair, &wrong, id] {
      for (int i = 0; i < kCalls; ++i) {
        const std::string text = std::to_string(id) + ":" + std::to_string(i);
        if (ask(*pair.a.connection, text) != text) wrong.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(pair.a->pending_calls(), 0u);
}

TEST(Connection, SeveralThreadsMayWaitForOneCall) {
  Pair pair;
  Call call(pair.a->next_seq());
  ASSERT_TRUE(send(*pair.a.connection, call, "shared"));
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      if (pair.a->wait(call, Deadline::never()) == WaitStatus::kDone) done.fetch_add(1);
    });
  }
  const Serving serving(*pair.b.connection);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done.load(), 4);
  EXPECT_EQ(answer_of(call), "shared");
}

TEST(Connection, NestedCallsGoTenLevelsDeepBothWays) {
  Pair pair;
  const auto nest = [](Connection& connection, std::string_view depth) -> TestDispatcher::Answer {
    const int left = std::stoi(std::string(depth));
    if (left == 0) return "bottom";
    return std::to_string(left) + " " + ask(connection, std::to_string(left - 1));
  };
  pair.a.dispatcher.on_request = nest;
  pair.b.dispatcher.on_request = nest;
  const Serving serving(*pair.b.connection);
  EXPECT_EQ(ask(*pair.a.connection, "10"), "10 9 8 7 6 5 4 3 2 1 bottom");
  EXPECT_EQ(pair.a.dispatcher.served.load(), 5) << "on the thread that waits: nobody else is here";
}

TEST(Connection, NestedCallsOfManyThreadsFindTheirWay) {
  Pair pair;
  const auto nest = [](Connection& connection, std::string_view body) -> TestDispatcher::Answer {
    if (body.size() < 2) return std::string(body);
    return ask(connection, body.substr(1));
  };
  pair.a.dispatcher.on_request = nest;
  pair.b.dispatcher.on_request = nest;
  const Serving serving(*pair.b.connection, 2);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int id = 0; id < 6; ++id) {
    threads.emplace_back([&pair, &wrong, id] {
      for (int i = 0; i < 50; ++i) {
        if (ask(*pair.a.connection, "xxxx" + std::to_string(id)) != std::to_string(id))
          wrong.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(Connection, RequestsStartInTheOrderOfTheirArrival) {
  constexpr int kRequests = 500;
  Wired wired;
  {
    const Serving serving(*wired.side.connection, 4);
    for (int i = 0; i < kRequests; ++i) wired.arrives(Kind::kRequest, i, std::to_string(i));
    ASSERT_TRUE(eventually([&] { return wired.side.dispatcher.served.load() == kRequests; }));
  }
  ASSERT_EQ(wired.side.dispatcher.started.size(), std::size_t{kRequests});
  for (std::size_t i = 0; i < kRequests; ++i) {
    ASSERT_EQ(wired.side.dispatcher.started[i], std::to_string(i));
  }
}

TEST(Connection, ARequestThatCameBeforeMyAnswerIsServedBeforeIReturn) {
  Wired wired;
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  wired.arrives(Kind::kRequest, 1, "before");
  wired.arrives(Kind::kReply, call.seq(), "answer");
  wired.arrives(Kind::kRequest, 2, "after");
  EXPECT_EQ(wired.side->wait(call, Deadline::never()), WaitStatus::kDone);
  EXPECT_EQ(wired.side.dispatcher.started, std::vector<std::string>{"before"});
  EXPECT_EQ(wired.side->serve(Deadline::never(), true), WaitStatus::kDone);
  EXPECT_EQ(wired.side.dispatcher.started.back(), "after");
}

TEST(Connection, ServeOnceHandlesOneMessage) {
  Wired wired;
  wired.arrives(Kind::kRequest, 1, "one");
  wired.arrives(Kind::kRequest, 2, "two");
  EXPECT_EQ(wired.side->serve(Deadline::never(), true), WaitStatus::kDone);
  EXPECT_EQ(wired.side.dispatcher.started.size(), 1u);
  EXPECT_EQ(wired.side->serve(Deadline::never(), true), WaitStatus::kDone);
  EXPECT_EQ(wired.side.dispatcher.started.size(), 2u);
  EXPECT_EQ(wired.side->serve(kNow(), true), WaitStatus::kTimedOut);
}

TEST(Connection, ServingWithoutTimeServesAllThatHasArrived) {
  Wired wired;
  for (int i = 0; i < 10; ++i) wired.arrives(Kind::kRequest, i, "x");
  EXPECT_EQ(wired.side->serve(kNow(), false), WaitStatus::kTimedOut);
  EXPECT_EQ(wired.side.dispatcher.served.load(), 10);
}

TEST(Connection, APeerThatNeverPausesCannotHoldAWaiterBeyondItsDeadline) {
  Wired wired;
  // Each request brings the next: there is always something to read.
  wired.side.dispatcher.on_request = [&](Connection&, std::string_view) -> TestDispatcher::Answer {
    wired.arrives(Kind::kRequest, 1, "again");
    return std::nullopt;
  };
  wired.arrives(Kind::kRequest, 1, "first");
  EXPECT_EQ(wired.side->serve(kNow(), false), WaitStatus::kTimedOut);
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  EXPECT_EQ(wired.side->wait(call, kNow()), WaitStatus::kTimedOut);
}

TEST(Connection, AForgottenCallsAnswerIsDropped) {
  Wired wired;
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  EXPECT_EQ(wired.side->wait(call, kNow()), WaitStatus::kTimedOut);
  EXPECT_TRUE(wired.side->forget(call));
  EXPECT_FALSE(wired.side->forget(call)) << "nobody is waiting any more";
  wired.arrives(Kind::kReply, call.seq(), "late");
  EXPECT_EQ(wired.side->serve(Deadline::never(), true), WaitStatus::kDone);
  EXPECT_FALSE(call.done());
  EXPECT_EQ(wired.side.dispatcher.late_answers.load(), 0);
}

TEST(Connection, ALateAnswerWithReferencesIsGivenToTheDispatcher) {
  Wired wired;
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  ASSERT_TRUE(wired.side->forget(call));
  wired.arrives(Kind::kReply, call.seq(), "&references");
  EXPECT_EQ(wired.side->serve(Deadline::never(), true), WaitStatus::kDone);
  EXPECT_EQ(wired.side.dispatcher.late_answers.load(), 1);
}

TEST(Connection, ADoneCallCannotBeForgotten) {
  Pair pair;
  const Serving serving(*pair.b.connection);
  Call call(pair.a->next_seq());
  ASSERT_TRUE(send(*pair.a.connection, call, "x"));
  ASSERT_EQ(pair.a->wait(call, Deadline::never()), WaitStatus::kDone);
  EXPECT_FALSE(pair.a->forget(call));
}

TEST(Connection, CompletionIsAnnouncedOnce) {
  Wired wired;
  std::vector<std::string> announced;
  wired.side.dispatcher.on_completed = [&](Call& call) { announced.push_back(answer_of(call)); };
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  EXPECT_TRUE(wired.side->notify_on_completion(call));
  wired.arrives(Kind::kReply, call.seq(), "answer");
  wired.arrives(Kind::kReply, call.seq(), "the same once more");
  EXPECT_EQ(wired.side->serve(kNow(), false), WaitStatus::kTimedOut);
  EXPECT_EQ(announced, std::vector<std::string>{"answer"});
  EXPECT_FALSE(wired.side->notify_on_completion(call)) << "the caller announces it itself";
}

TEST(Connection, CompletionsAreAnnouncedWhenTheConnectionDies) {
  Wired wired;
  std::vector<std::string> announced;
  wired.side.dispatcher.on_completed = [&](Call& call) { announced.push_back(answer_of(call)); };
  Call one(wired.side->next_seq());
  Call two(wired.side->next_seq());
  for (Call* call : {&one, &two}) {
    ASSERT_TRUE(send(*wired.side.connection, *call, "question"));
    ASSERT_TRUE(wired.side->notify_on_completion(*call));
  }
  wired.side->fail(Error(Error::Kind::kFailed, "over"));
  EXPECT_EQ(wired.side->serve(Deadline::never(), false), WaitStatus::kDead);
  EXPECT_EQ(announced, (std::vector<std::string>{"failed: over", "failed: over"}));
}

TEST(Connection, AnAnnouncementCanBeTakenBackBeforeSomebodyBeginsIt) {
  Wired wired;
  wired.side.dispatcher.on_completed = [](Call&) { FAIL() << "it was taken back"; };
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  EXPECT_TRUE(wired.side->notify_on_completion(call));
  EXPECT_FALSE(wired.side->take_announcement(call)) << "it is not done yet";
  wired.arrives(Kind::kReply, call.seq(), "answer");
  EXPECT_EQ(wired.side->wait(call, Deadline::never()), WaitStatus::kDone);
  EXPECT_TRUE(wired.side->take_announcement(call));
  EXPECT_FALSE(wired.side->take_announcement(call));
  EXPECT_EQ(wired.side->serve(kNow(), false), WaitStatus::kTimedOut);
}

TEST(Connection, AnAnswerAfterTheExpiryOfItsCallIsDropped) {
  ManualClock clock;
  Wired wired;
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  wired.side->set_expiry(call, Deadline::after(std::chrono::seconds(5), clock));
  EXPECT_FALSE(wired.side->check_expiry(call));
  clock.advance(std::chrono::seconds(6));
  wired.arrives(Kind::kReply, call.seq(), "&late, with references");
  EXPECT_EQ(wired.side->serve(kNow(), false), WaitStatus::kTimedOut);
  EXPECT_EQ(call.outcome(), Call::Outcome::kExpired);
  EXPECT_EQ(wired.side.dispatcher.late_answers.load(), 1);
}

TEST(Connection, AnExpiryIsFoundWithoutAnAnswer) {
  ManualClock clock;
  Wired wired;
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  wired.side->set_expiry(call, Deadline::after(std::chrono::seconds(5), clock));
  clock.advance(std::chrono::seconds(5));
  EXPECT_TRUE(wired.side->check_expiry(call));
  EXPECT_EQ(wired.side->pending_calls(), 0u);
  EXPECT_EQ(wired.side->wait(call, Deadline::never()), WaitStatus::kDone);
}

TEST(Connection, WorkMayEndTheWait) {
  Wired wired;
  wired.side.dispatcher.stop_after_each = true;
  wired.arrives(Kind::kRequest, 1, "one");
  wired.arrives(Kind::kRequest, 2, "two");
  EXPECT_EQ(wired.side->serve(Deadline::never(), false), WaitStatus::kInterrupted);
  EXPECT_EQ(wired.side.dispatcher.started.size(), 1u);
  EXPECT_EQ(wired.side->serve(Deadline::never(), false), WaitStatus::kInterrupted);
  EXPECT_EQ(wired.side.dispatcher.started.size(), 2u);
}

TEST(Connection, TooManyPendingCallsAreRefused) {
  Limits limits;
  limits.max_pending_calls = 2;
  Wired wired(64 * 1024, limits);
  Call calls[] = {Call(0), Call(1), Call(2)};
  ASSERT_TRUE(send(*wired.side.connection, calls[0], "x"));
  ASSERT_TRUE(send(*wired.side.connection, calls[1], "x"));
  EXPECT_EQ(send(*wired.side.connection, calls[2], "x").error(), Errc::kTooManyPending);
  ASSERT_TRUE(wired.side->forget(calls[0]));
  EXPECT_TRUE(send(*wired.side.connection, calls[2], "x"));
  EXPECT_EQ(wired.side->pending_calls(), 2u);
  wired.side->fail(Error(Error::Kind::kFailed, "over"));
}

TEST(Connection, PollingServesNothingAndLeavesRequestsToOthers) {
  if (usable_cpus() < 2) GTEST_SKIP() << "polling needs a second CPU";
  Wired wired;
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  wired.arrives(Kind::kRequest, 1, "request");
  wired.arrives(Kind::kReply, call.seq(), "answer");
  EXPECT_FALSE(wired.side->poll_briefly(call)) << "the request is in front of the answer";
  EXPECT_TRUE(wired.side.dispatcher.started.empty());
  EXPECT_EQ(wired.side->serve(Deadline::never(), true), WaitStatus::kDone);
  EXPECT_EQ(wired.side.dispatcher.started, std::vector<std::string>{"request"});
  EXPECT_TRUE(wired.side->poll_briefly(call));
  EXPECT_EQ(answer_of(call), "answer");
}

TEST(Connection, PatientPollingSleepsUntilTheAnswerComes) {
  Wired wired;
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  std::atomic<bool> polling{false};
  std::thread answering([&] {
    while (!polling.load()) std::this_thread::yield();
    wired.arrives(Kind::kReply, call.seq(), "answer");
  });
  polling.store(true);
  EXPECT_TRUE(wired.side->poll_briefly(call, seconds(20)));
  answering.join();
  EXPECT_EQ(answer_of(call), "answer");
}

TEST(Connection, PatienceEndsAtARequestAndInTime) {
  Wired wired;
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  EXPECT_FALSE(wired.side->poll_briefly(call, std::chrono::milliseconds(2)));
  wired.arrives(Kind::kRequest, 1, "request");
  EXPECT_FALSE(wired.side->poll_briefly(call, std::chrono::hours(1)));
  EXPECT_TRUE(wired.side.dispatcher.started.empty());
  ASSERT_TRUE(wired.side->forget(call));
}

std::int64_t live_read_buffers() {
  return snapshot()[static_cast<std::size_t>(Counted::kReadBuffer)].live;
}

TEST(Connection, ATrimmedConnectionServesOn) {
  Wired wired;
  const auto serve_one = [&] {
    wired.arrives(Kind::kRequest, 1, "request");
    return wired.side->serve(Deadline::never(), true);
  };
  ASSERT_EQ(serve_one(), WaitStatus::kDone);
  const auto buffers = live_read_buffers();
  wired.side->trim();
  EXPECT_EQ(live_read_buffers(), buffers - 1);
  wired.side->trim();
  EXPECT_EQ(serve_one(), WaitStatus::kDone);
  EXPECT_EQ(wired.side.dispatcher.served.load(), 2);
}

TEST(Connection, ARequestThatACallersReadBroughtIsSeenToWait) {
  Wired wired;
  Call call(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  wired.arrives(Kind::kReply, call.seq(), "answer");
  wired.arrives(Kind::kRequest, 1, "request");
  ASSERT_EQ(wired.side->wait(call, Deadline::never()), WaitStatus::kDone);
  EXPECT_TRUE(wired.side->has_unserved());
  EXPECT_EQ(wired.side.dispatcher.left.load(), 1);
  EXPECT_EQ(wired.side->serve(kNow(), true), WaitStatus::kDone);
  EXPECT_FALSE(wired.side->has_unserved());
  EXPECT_EQ(wired.side.dispatcher.left.load(), 1);
}

TEST(Connection, TrimmingKeepsAFrameThatHasBegun) {
  Wired wired;
  Writer out;
  write_frame(out, Kind::kRequest, 1, as_bytes("request"));
  const ByteView bytes = out.copied();
  wired.raw(bytes.first(bytes.size() - 3));
  EXPECT_EQ(wired.side->serve(Deadline::after(Duration::zero()), true), WaitStatus::kTimedOut);
  wired.side->trim();
  wired.raw(bytes.last(3));
  EXPECT_EQ(wired.side->serve(Deadline::never(), true), WaitStatus::kDone);
  EXPECT_EQ(wired.side.dispatcher.started, std::vector<std::string>{"request"});
}

TEST(Connection, PollingGivesOthersTheirAnswers) {
  if (usable_cpus() < 2) GTEST_SKIP() << "polling needs a second CPU";
  Wired wired;
  Call mine(wired.side->next_seq());
  Call other(wired.side->next_seq());
  ASSERT_TRUE(send(*wired.side.connection, mine, "mine"));
  ASSERT_TRUE(send(*wired.side.connection, other, "other"));
  wired.arrives(Kind::kReply, other.seq(), "for another");
  wired.arrives(Kind::kReply, mine.seq(), "for me");
  EXPECT_TRUE(wired.side->poll_briefly(mine));
  EXPECT_EQ(answer_of(other), "for another");
}

}  // namespace
}  // namespace sinew::rpc
