// The end of a connection, and fork.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/eventually.h"
#include "io/socket_stream.h"
#include "rpc/test_dialect.h"

namespace sinew::rpc {
namespace {

using namespace testing;
using Kind = Incoming::Kind;

TEST(ConnectionLife, EveryWaiterGetsTheFirstCause) {
  Wired wired;
  constexpr int kWaiters = 8;
  std::vector<std::unique_ptr<Call>> calls;
  std::vector<std::thread> threads;
  std::atomic<int> dead{0};
  for (int i = 0; i < kWaiters; ++i) {
    calls.push_back(std::make_unique<Call>(i));
    ASSERT_TRUE(send(*wired.side.connection, *calls.back(), "question"));
    threads.emplace_back([&, call = calls.back().get()] {
      EXPECT_EQ(wired.side->wait(*call, Deadline::never()), WaitStatus::kDone);
      if (answer_of(*call).starts_with("failed: the peer closed the stream")) dead.fetch_add(1);
    });
  }
  std::thread server(
      [&] { EXPECT_EQ(wired.side->serve(Deadline::never(), false), WaitStatus::kDead); });
  wired.peer.reset();
  for (std::thread& thread : threads) thread.join();
  server.join();
  EXPECT_EQ(dead.load(), kWaiters);
  wired.side->fail(Error(Error::Kind::kFailed, "a later reason"));
  EXPECT_EQ(wired.side->error()->kind(), Error::Kind::kDisconnected);
}

TEST(ConnectionLife, ADeadConnectionRefusesEverythingWithItsFirstError) {
  Wired wired;
  wired.side->fail(Error(Error::Kind::kFailed, "first"));
  EXPECT_TRUE(wired.side->is_dead());
  Call call(1);
  EXPECT_EQ(send(*wired.side.connection, call, "x").error(), Errc::kConnectionReset);
  EXPECT_FALSE(wired.side->forget(call));
  EXPECT_FALSE(wired.side->poll_briefly(call));
  EXPECT_EQ(wired.side->wait(call, Deadline::never()), WaitStatus::kDead);
  EXPECT_EQ(wired.side->serve(Deadline::never(), false), WaitStatus::kDead);
  Writer message;
  write_frame(message, Kind::kReply, 1, {});
  EXPECT_EQ(wired.side->send_answer(message).error(), Errc::kConnectionReset);
  EXPECT_EQ(wired.side->send_now(message).error(), Errc::kConnectionReset);
  EXPECT_EQ(wired.side->error()->message(), "first");
}

TEST(ConnectionLife, AnAnswerInFrontOfTheEndIsStillReceived) {
  Wired wired;
  Call call(1);
  ASSERT_TRUE(send(*wired.side.connection, call, "question"));
  wired.arrives(Kind::kReply, 1, "just in time");
  wired.peer.reset();
  EXPECT_EQ(wired.side->wait(call, Deadline::never()), WaitStatus::kDone);
  EXPECT_EQ(answer_of(call), "just in time");
}

TEST(ConnectionLife, ABrokenFrameEndsTheConnection) {
  for (const bool too_large : {false, true}) {
    Wired wired;
    wired.raw(as_bytes(too_large ? std::string_view("\x7f\xff\xff\xff", 4)
                                 : std::string_view("\0\0\0\x09\x05"
                                                    "12345678",
                                                    13)));
    EXPECT_EQ(wired.side->serve(Deadline::never(), false), WaitStatus::kDead);
    EXPECT_EQ(wired.side->error()->kind(), Error::Kind::kProtocol);
  }
}

TEST(ConnectionLife, AWriteToADeadPeerIsTheOutcomeOfTheCall) {
  Wired wired;
  wired.peer.reset();
  Call call(1);
  EXPECT_TRUE(send(*wired.side.connection, call, "x"));
  EXPECT_EQ(wired.side->wait(call, Deadline::never()), WaitStatus::kDone);
  EXPECT_EQ(call.outcome(), Call::Outcome::kFailed);
  EXPECT_EQ(call.error()->kind(), Error::Kind::kDisconnected);
}

TEST(ConnectionLife, FailingWakesWhoeverWaitsWithoutACall) {
  Wired wired;
  std::thread threads[3];
  std::atomic<int> left{0};
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      EXPECT_EQ(wired.side->serve(Deadline::never(), false), WaitStatus::kDead);
      left.fetch_add(1);
    });
  }
  wired.side->fail(Error(Error::Kind::kFailed, "closed here"));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(left.load(), 3);
}

TEST(ConnectionLife, FailingWakesWhoeverDrains) {
  Wired wired(16);
  Writer message;
  write_frame(message, Kind::kReply, 1, as_bytes(std::string(100, 'x')));
  ASSERT_EQ(wired.side->send_now(message), false);
  std::thread draining([&] { EXPECT_EQ(wired.side->drain(Deadline::never()), WaitStatus::kDead); });
  wired.side->fail(Error(Error::Kind::kFailed, "closed here"));
  draining.join();
}

TEST(ConnectionLife, CallsRaceWithTheEndAndNoneIsLost) {
  for (int round = 0; round < 50; ++round) {
    Pair pair;
    const Serving serving(*pair.b.connection);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        while (ask(*pair.a.connection, "x") == "x") {
        }
      });
    }
    ASSERT_TRUE(eventually([&] { return pair.b.dispatcher.served.load() > 10; }));
    pair.a->fail(Error(Error::Kind::kFailed, "over"));
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(pair.a->pending_calls(), 0u);
  }
}

/// Two sides over a real socket: a child process must not disturb it.
struct SocketPair {
  SocketPair() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    a.open(std::make_unique<io::SocketStream>(io::Fd(ends[0])));
    b.open(std::make_unique<io::SocketStream>(io::Fd(ends[1])));
  }

  Side a;
  Side b;
};

// What a child process sees wrong with a connection that its parent made; 0: nothing.
int misbehaviour_in_child(Connection& connection, Call& started) {
  Writer message;
  write_frame(message, Kind::kRequest, 99, as_bytes("from the child"));
  Call call(99);
  if (!connection.is_dead()) return 1;
  if (connection.start(call, message) || connection.send_now(message)) return 2;
  if (connection.send_answer(message)) return 3;
  if (connection.wait(started, Deadline::never()) != WaitStatus::kDead) return 4;
  if (connection.serve(Deadline::never(), false) != WaitStatus::kDead) return 5;
  if (connection.error()->message().find("fork") == std::string::npos) return 6;
  if (connection.forget(started) || connection.notify_on_completion(started)) return 7;
  if (connection.drain(Deadline::never()) == WaitStatus::kInterrupted) return 8;
  connection.flush();
  connection.fail(Error(Error::Kind::kFailed, "in the child"));
  return 0;
}

int exit_status_of(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ConnectionLife, AChildProcessIsRefusedAndLeavesTheParentsConnectionAlone) {
  SocketPair pair;
  Call call(1);
  ASSERT_TRUE(send(*pair.a.connection, call, "started before"));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int wrong = misbehaviour_in_child(*pair.a.connection, call);
    pair.a.connection.reset();
    ::_exit(wrong);
  }
  EXPECT_EQ(exit_status_of(child), 0);
  const Serving serving(*pair.b.connection);
  EXPECT_EQ(pair.a->wait(call, Deadline::never()), WaitStatus::kDone);
  EXPECT_EQ(ask(*pair.a.connection, "after"), "after");
}

TEST(ConnectionLife, ARequestMayForkAndTheChildServesNoMore) {
  SocketPair pair;
  std::atomic<int> child_status{-1};
  int generation = 0;
  pair.b.dispatcher.on_request = [&](Connection&, std::string_view body) -> TestDispatcher::Answer {
    if (body != "fork") return std::string(body);
    const pid_t child = ::fork();
    if (child == 0) {
      generation = 1;
      return "from the child";
    }
    child_status.store(exit_status_of(child));
    return "from the parent";
  };
  std::thread asking([&] {
    EXPECT_EQ(ask(*pair.a.connection, "fork"), "from the parent");
    EXPECT_EQ(ask(*pair.a.connection, "more"), "more");
    pair.a->fail(Error(Error::Kind::kFailed, "the test is over"));
  });
  const WaitStatus status = pair.b->serve(Deadline::never(), false);
  if (generation == 1) ::_exit(status == WaitStatus::kDead ? 0 : 1);
  EXPECT_EQ(status, WaitStatus::kDead);
  asking.join();
  EXPECT_EQ(child_status.load(), 0);
}

}  // namespace
}  // namespace sinew::rpc
