// Who leads, who follows, and what ends a wait.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <map>
#include <mutex>
#include <string>

#include "base/eventually.h"
#include "io/fd.h"
#include "io/socket_stream.h"
#include "rpc/test_dialect.h"

namespace sinew::rpc {
namespace {

using namespace testing;
using Kind = Incoming::Kind;
using std::chrono::seconds;

/// Two threads that wait, the first as the leader and the second as its follower, on deadlines of
/// one manual clock: its listeners tell when both are asleep.
class ConnectionWait : public ::testing::Test {
 protected:
  ~ConnectionWait() override {
    if (wired_.side.connection) wired_.side->fail(Error(Error::Kind::kFailed, "the test is over"));
    for (std::thread* thread : {&leader_, &follower_}) {
      if (thread->joinable()) thread->join();
    }
  }

  void start(Call& call) { ASSERT_TRUE(send(*wired_.side.connection, call, "question")); }

  std::thread waiting(Call& call, std::atomic<int>& status, Duration limit) {
    return std::thread([this, &call, &status, until = Deadline::after(limit, clock_)] {
      status.store(static_cast<int>(wired_.side->wait(call, until)));
    });
  }

  void seat_both(Duration leaders_limit, Duration followers_limit) {
    start(leaders_);
    start(followers_);
    leader_ = waiting(leaders_, leader_status_, leaders_limit);
    ASSERT_TRUE(eventually([&] { return clock_.listener_count() == 1; }));
    follower_ = waiting(followers_, follower_status_, followers_limit);
    ASSERT_TRUE(eventually([&] { return clock_.listener_count() == 2; }));
  }

  static constexpr int kStillWaiting = -1;
  static constexpr int kDone = static_cast<int>(WaitStatus::kDone);
  static constexpr int kTimedOut = static_cast<int>(WaitStatus::kTimedOut);
  static constexpr int kInterrupted = static_cast<int>(WaitStatus::kInterrupted);

  ManualClock clock_;
  Wired wired_;
  Call leaders_{1};
  Call followers_{2};
  std::atomic<int> leader_status_{kStillWaiting};
  std::atomic<int> follower_status_{kStillWaiting};
  std::thread leader_;
  std::thread follower_;
};

TEST_F(ConnectionWait, AFollowerGetsItsAnswerFromTheLeader) {
  seat_both(seconds(60), seconds(60));
  wired_.arrives(Kind::kReply, followers_.seq(), "for the follower");
  follower_.join();
  EXPECT_EQ(follower_status_.load(), kDone);
  EXPECT_EQ(answer_of(followers_), "for the follower");
  EXPECT_EQ(leader_status_.load(), kStillWaiting);
}

TEST_F(ConnectionWait, AFollowerIsPromotedWhenTheLeaderLeaves) {
  seat_both(seconds(60), seconds(60));
  wired_.arrives(Kind::kReply, leaders_.seq(), "for the leader");
  leader_.join();
  EXPECT_EQ(leader_status_.load(), kDone);
  wired_.arrives(Kind::kReply, followers_.seq(), "for the follower");
  follower_.join();
  EXPECT_EQ(follower_status_.load(), kDone);
}

TEST_F(ConnectionWait, TheLeadersDeadlinePassesAndTheFollowerGoesOn) {
  seat_both(seconds(30), seconds(60));
  clock_.advance(seconds(31));
  leader_.join();
  EXPECT_EQ(leader_status_.load(), kTimedOut);
  EXPECT_FALSE(leaders_.done()) << "it is still registered";
  EXPECT_TRUE(wired_.side->forget(leaders_));
  wired_.arrives(Kind::kReply, followers_.seq(), "for the follower");
  follower_.join();
  EXPECT_EQ(follower_status_.load(), kDone);
}

TEST_F(ConnectionWait, TheFollowersDeadlinePassesAndTheLeaderGoesOn) {
  seat_both(seconds(60), seconds(30));
  clock_.advance(seconds(31));
  follower_.join();
  EXPECT_EQ(follower_status_.load(), kTimedOut);
  EXPECT_TRUE(wired_.side->forget(followers_));
  wired_.arrives(Kind::kReply, leaders_.seq(), "for the leader");
  leader_.join();
  EXPECT_EQ(leader_status_.load(), kDone);
}

TEST_F(ConnectionWait, BothDeadlinesPassTogetherAndTheConnectionGoesOn) {
  for (int i = 0; i < 50; ++i) {
    Call one(wired_.side->next_seq() + 100);
    Call two(wired_.side->next_seq() + 100);
    start(one);
    start(two);
    leader_ = waiting(one, leader_status_, seconds(30));
    follower_ = waiting(two, follower_status_, seconds(30));
    ASSERT_TRUE(eventually([&] { return clock_.listener_count() == 2; }));
    clock_.advance(seconds(31));
    leader_.join();
    follower_.join();
    EXPECT_EQ(leader_status_.load(), kTimedOut);
    EXPECT_EQ(follower_status_.load(), kTimedOut);
    ASSERT_TRUE(wired_.side->forget(one));
    ASSERT_TRUE(wired_.side->forget(two));
    static_cast<void>(wired_.sent());
  }
  start(leaders_);
  wired_.arrives(Kind::kReply, leaders_.seq(), "answer");
  EXPECT_EQ(wired_.side->wait(leaders_, Deadline::never()), WaitStatus::kDone);
}

TEST_F(ConnectionWait, ASignalMakesTheWaitersAskWhetherToLeave) {
  const InterruptingSignal signal;
  std::atomic<bool> leave{false};
  wired_.side.dispatcher.on_interrupt = [&] { return leave.load(); };
  seat_both(seconds(60), seconds(60));
  auto& asked = wired_.side.dispatcher.interruptions;
  for (std::thread* thread : {&leader_, &follower_}) {
    const int before = asked.load();
    ASSERT_TRUE(eventually([&] {
      signal.send_to(*thread);
      return asked.load() > before;
    }));
  }
  EXPECT_EQ(leader_status_.load(), kStillWaiting);
  EXPECT_EQ(follower_status_.load(), kStillWaiting);
  leave.store(true);
  ASSERT_TRUE(eventually([&] {
    if (follower_status_.load() == kStillWaiting) signal.send_to(follower_);
    if (leader_status_.load() == kStillWaiting) signal.send_to(leader_);
    return follower_status_.load() != kStillWaiting && leader_status_.load() != kStillWaiting;
  }));
  EXPECT_EQ(leader_status_.load(), kInterrupted);
  EXPECT_EQ(follower_status_.load(), kInterrupted);
  EXPECT_TRUE(wired_.side->forget(leaders_)) << "an interrupted call is still registered";
}

TEST_F(ConnectionWait, AnInterruptedHandlerMayUseTheConnection) {
  const InterruptingSignal signal;
  wired_.side.dispatcher.on_interrupt = [&] {
    Call other(77);
    start(other);
    wired_.arrives(Kind::kReply, other.seq(), "to the handler");
    EXPECT_EQ(wired_.side->wait(other, Deadline::never()), WaitStatus::kDone);
    return true;
  };
  start(leaders_);
  leader_ = waiting(leaders_, leader_status_, seconds(60));
  ASSERT_TRUE(eventually([&] {
    if (leader_status_.load() == kStillWaiting) signal.send_to(leader_);
    return leader_status_.load() != kStillWaiting;
  }));
  EXPECT_EQ(leader_status_.load(), kInterrupted);
}

TEST_F(ConnectionWait, AServerThreadServesWhileACallerLeads) {
  start(leaders_);
  leader_ = waiting(leaders_, leader_status_, seconds(60));
  ASSERT_TRUE(eventually([&] { return clock_.listener_count() == 1; }));
  EXPECT_EQ(wired_.side->serve(Deadline::never(), true, /*wait_for_turn=*/false),
            WaitStatus::kBusy);
  wired_.arrives(Kind::kRequest, 5, "request");
  ASSERT_TRUE(eventually([&] { return wired_.side.dispatcher.served.load() == 1; }))
      << "who reads a request serves it";
  EXPECT_EQ(leader_status_.load(), kStillWaiting);
}

TEST_F(ConnectionWait, AServerThreadWaitsForTheCaretakersLook) {
  std::atomic<bool> looking{false};
  std::atomic<bool> go_on{false};
  wired_.side.session->on_look = [&] {
    looking.store(true);
    EXPECT_TRUE(eventually([&] { return go_on.load(); }));
  };
  wired_.arrives(Kind::kRequest, 5, "request");
  std::thread caretaker([&] { wired_.side->look_after(Clock::system().now()); });
  EXPECT_TRUE(eventually([&] { return looking.load(); }));
  std::atomic<int> status{kStillWaiting};
  std::thread server([&] {
    status.store(static_cast<int>(
        wired_.side->serve(Deadline::after(seconds(60), clock_), true, /*wait_for_turn=*/false)));
  });
  EXPECT_TRUE(eventually([&] { return clock_.listener_count() == 1; }));
  EXPECT_EQ(status.load(), kStillWaiting);
  go_on.store(true);
  caretaker.join();
  server.join();
  EXPECT_EQ(status.load(), kDone);
  EXPECT_EQ(wired_.side.dispatcher.served.load(), 1);
}

TEST_F(ConnectionWait, AFollowerReadsWhileTheLeaderServes) {
  std::atomic<bool> serving{false};
  std::atomic<bool> go_on{false};
  wired_.side.dispatcher.on_request = [&](Connection&, std::string_view) -> TestDispatcher::Answer {
    serving.store(true);
    EXPECT_TRUE(eventually([&] { return go_on.load(); }));
    return std::nullopt;
  };
  seat_both(seconds(60), seconds(60));
  wired_.arrives(Kind::kRequest, 5, "takes long");
  ASSERT_TRUE(eventually([&] { return serving.load(); }));
  wired_.arrives(Kind::kReply, leaders_.seq(), "for the one that serves");
  wired_.arrives(Kind::kReply, followers_.seq(), "for the follower");
  follower_.join();
  EXPECT_EQ(follower_status_.load(), kDone);
  EXPECT_TRUE(leaders_.done());
  EXPECT_EQ(leader_status_.load(), kStillWaiting) << "it is still serving";
  go_on.store(true);
  leader_.join();
  EXPECT_EQ(leader_status_.load(), kDone);
}

/// The same over a socket: the leader blocks in recv, not in a Parker.
TEST(ConnectionWaitOnASocket, ASignalInterruptsTheLeaderAndTheFollower) {
  const InterruptingSignal signal;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const io::Fd peer(ends[1]);
  Side side;
  side.open(std::make_unique<io::SocketStream>(io::Fd(ends[0])));
  std::atomic<int> left{0};
  Call calls[] = {Call(1), Call(2)};
  std::vector<std::thread> threads;
  for (Call& call : calls) {
    ASSERT_TRUE(send(*side.connection, call, "question"));
    threads.emplace_back([&] {
      EXPECT_EQ(side->wait(call, Deadline::after(seconds(60))), WaitStatus::kInterrupted);
      left.fetch_add(1);
    });
  }
  ASSERT_TRUE(eventually([&] {
    if (left.load() < 2) {
      for (std::thread& thread : threads) signal.send_to(thread);
    }
    return left.load() == 2;
  }));
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(side->is_dead());
  for (Call& call : calls) EXPECT_TRUE(side->forget(call));
}

// A request that belongs to a call.

TEST(Affinity, ARequestRunsOnTheThreadThatWaitsForItsCall) {
  Wired wired;
  std::atomic<std::thread::id> served_by{};
  wired.side.dispatcher.on_request = [&](Connection&, std::string_view) {
    served_by = std::this_thread::get_id();
    return std::nullopt;
  };
  const Serving reader(*wired.side.connection);
  for (std::int64_t round = 0; round < 10; ++round) {
    Call call(round);
    std::thread waiter([&] {
      ASSERT_TRUE(send(*wired.side.connection, call, "question"));
      while (!call.done()) wired.side->wait(call, Deadline::never());
    });
    const auto its_id = waiter.get_id();
    EXPECT_TRUE(eventually([&] { return wired.side->pending_calls() == 1; }));
    wired.arrives(Incoming::Kind::kRequest, 7, "@" + std::to_string(round));
    wired.arrives(Incoming::Kind::kReply, round, "answer");
    waiter.join();
    EXPECT_EQ(served_by.load(), its_id) << round;
  }
}

TEST(Affinity, ARequestForAThreadRunsOnItWhileItWaits) {
  Wired wired;
  std::mutex mutex;
  std::map<std::string, std::thread::id> served_by;
  wired.side.dispatcher.on_request = [&](Connection&, std::string_view body) {
    const std::scoped_lock lock(mutex);
    served_by.emplace(body, std::this_thread::get_id());
    return std::nullopt;
  };
  const Serving reader(*wired.side.connection);
  constexpr std::int64_t kThreads = 4;
  std::vector<std::thread> threads;
  for (std::int64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Call call(i);
      call.asked_by(static_cast<std::uint64_t>(i + 1));
      ASSERT_TRUE(send(*wired.side.connection, call, "question"));
      while (!call.done()) wired.side->wait(call, Deadline::never());
    });
  }
  EXPECT_TRUE(eventually([&] { return wired.side->pending_calls() == kThreads; }));
  for (std::int64_t i = kThreads; i > 0; --i) {
    wired.arrives(Incoming::Kind::kRequest, i, "#" + std::to_string(i));
  }
  wired.arrives(Incoming::Kind::kRequest, 9, "#9, which waits for nothing");
  for (std::int64_t i = 0; i < kThreads; ++i) wired.arrives(Incoming::Kind::kReply, i, "answer");
  std::vector<std::thread::id> ids;
  for (std::thread& thread : threads) {
    ids.push_back(thread.get_id());
    thread.join();
  }
  EXPECT_TRUE(eventually([&] { return wired.side.dispatcher.served.load() == kThreads + 1; }));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(served_by.at("#" + std::to_string(i + 1)), ids[i]) << i;
  }
}

TEST(Affinity, WhoHoldsALockLeavesARequestToALeader) {
  Wired wired;
  std::mutex gil;
  std::atomic<bool> begun{false};
  std::atomic<std::thread::id> served_by{};
  wired.side.dispatcher.held = &gil;
  wired.side.dispatcher.on_request = [&](Connection&, std::string_view body) {
    body == "first" ? begun.store(true) : served_by.store(std::this_thread::get_id());
    return std::nullopt;
  };
  Call call(0);
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  std::thread waiter([&] {
    EXPECT_TRUE(eventually([&] { return begun.load(); }));
    {
      const std::scoped_lock lock(gil);
    }  // which is held for as long as there is work
    while (!call.done()) wired.side->wait(call, Deadline::never());
  });
  const auto its_id = waiter.get_id();
  Writer both;
  write_frame(both, Kind::kRequest, 1, as_bytes(std::string_view("first")));
  write_frame(both, Kind::kRequest, 2, as_bytes(std::string_view("@0")));
  wired.raw(both.copied());
  const Serving reader(*wired.side.connection);
  EXPECT_TRUE(eventually([&] { return served_by.load() != std::thread::id(); }));
  EXPECT_EQ(served_by.load(), its_id);
  wired.arrives(Kind::kReply, 0, "answer");
  waiter.join();
}

TEST(Affinity, ARequestForACallThatNobodyWaitsForRunsWhereItIsRead) {
  Wired wired;
  const Serving reader(*wired.side.connection);
  Call call(0);
  Writer question;
  write_frame(question, Incoming::Kind::kRequest, 0, as_bytes(std::string_view("question")));
  ASSERT_TRUE(wired.side->start_later(call, question));
  wired.arrives(Incoming::Kind::kRequest, 7, "@0");
  EXPECT_TRUE(eventually([&] { return wired.side.dispatcher.served.load() == 1; }));
  EXPECT_FALSE(call.done());
  EXPECT_TRUE(wired.side->forget(call));
}

TEST(Affinity, ACallThatIsGivenUpTakesNoRequestWithIt) {
  for (int round = 0; round < 50; ++round) {
    Wired wired;
    const Serving reader(*wired.side.connection);
    Call call(0);
    std::thread waiter([&] {
      ASSERT_TRUE(send(*wired.side.connection, call, "question"));
      // In slices: who gives a call up does not wake the thread that reads for it.
      constexpr auto kSlice = std::chrono::milliseconds(5);
      while (!call.done()) wired.side->wait(call, Deadline::after(kSlice));
    });
    EXPECT_TRUE(eventually([&] { return wired.side->pending_calls() == 1; }));
    wired.side->set_expiry(call, Deadline::after(Duration::zero()));
    wired.arrives(Incoming::Kind::kRequest, 7, "@0");
    EXPECT_TRUE(wired.side->check_expiry(call));
    waiter.join();
    EXPECT_TRUE(eventually([&] { return wired.side.dispatcher.served.load() == 1; }));
  }
}

}  // namespace
}  // namespace sinew::rpc
