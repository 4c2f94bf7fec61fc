// Sending: what waits for room, what is held back, and who reads meanwhile.

#include <gtest/gtest.h>

#include "base/eventually.h"
#include "rpc/test_dialect.h"

namespace sinew::rpc {
namespace {

using namespace testing;
using Kind = Incoming::Kind;
using std::chrono::seconds;

constexpr std::size_t kHuge = std::size_t{64} << 20;

Result<bool> send_request(Connection& connection, Call& call, std::string_view body) {
  Writer out;
  write_frame(out, Kind::kRequest, call.seq(), as_bytes(body));
  return connection.start(call, out);
}

TEST(ConnectionSend, BothSidesSendHugeMessagesAtOnce) {
  Pair pair(256 * 1024);
  const std::string huge(kHuge, 'h');
  std::atomic<int> wrong{0};
  const auto echo_size = [&](Connection&, std::string_view body) {
    if (body.size() != kHuge) wrong.fetch_add(1);
    return TestDispatcher::Answer(std::to_string(body.size()));
  };
  pair.a.dispatcher.on_request = echo_size;
  pair.b.dispatcher.on_request = echo_size;
  std::thread other([&] { EXPECT_EQ(ask(*pair.b.connection, huge), std::to_string(kHuge)); });
  EXPECT_EQ(ask(*pair.a.connection, huge), std::to_string(kHuge));
  // b may still need this side to take its request and to answer it.
  while (pair.a.dispatcher.served.load() == 0) {
    ASSERT_EQ(pair.a->serve(Deadline::after(seconds(60)), true), WaitStatus::kDone);
  }
  other.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(ConnectionSend, HugeAnswersGoBothWaysAtOnce) {
  Pair pair(64 * 1024);
  const auto blow_up = [](Connection&, std::string_view body) {
    return TestDispatcher::Answer(std::string(std::stoul(std::string(body)), 'x'));
  };
  pair.a.dispatcher.on_request = blow_up;
  pair.b.dispatcher.on_request = blow_up;
  const Serving one(*pair.a.connection);
  const Serving other(*pair.b.connection);
  std::thread caller([&] { EXPECT_EQ(ask(*pair.b.connection, "8000000").size(), 8000000u); });
  EXPECT_EQ(ask(*pair.a.connection, "8000000").size(), 8000000u);
  caller.join();
}

TEST(ConnectionSend, WhatDoesNotFitIsLeftForDrain) {
  Wired wired(32);
  Call call(1);
  EXPECT_EQ(send_request(*wired.side.connection, call, std::string(100, 'x')), false);
  EXPECT_EQ(wired.side->drain(Deadline::after(Duration::zero())), WaitStatus::kTimedOut);
  std::thread draining([&] { EXPECT_EQ(wired.side->drain(Deadline::never()), WaitStatus::kDone); });
  std::string all;
  ASSERT_TRUE(eventually([&] {
    all += wired.sent();
    return all.size() == 113;
  }));
  draining.join();
  EXPECT_EQ(all.substr(13), std::string(100, 'x'));
}

TEST(ConnectionSend, DrainReadsWhileItWaitsForRoomAndServesNothing) {
  Wired wired(64);
  wired.side.dispatcher.on_request = [](Connection&, std::string_view) {
    return TestDispatcher::Answer();  // there is no room for any
  };
  Call big(1);
  Call other(2);
  ASSERT_EQ(send_request(*wired.side.connection, other, ""), true);
  ASSERT_EQ(send_request(*wired.side.connection, big, std::string(500, 'x')), false);
  std::atomic<bool> drained{false};
  std::thread draining([&] {
    EXPECT_EQ(wired.side->drain(Deadline::never()), WaitStatus::kDone);
    drained.store(true);
  });
  // The peer writes more than fits in its direction before it reads a byte.
  Writer frames;
  for (int i = 0; i < 20; ++i) write_frame(frames, Kind::kRequest, i, as_bytes("request"));
  write_frame(frames, Kind::kReply, other.seq(), as_bytes("answer"));
  ByteView left = frames.copied();
  ASSERT_TRUE(eventually([&] {
    left = left.subspan(wired.write_some(left));
    return left.empty();
  })) << "the sender did not read";
  EXPECT_EQ(wired.side.dispatcher.served.load(), 0);
  ASSERT_TRUE(eventually([&] {
    static_cast<void>(wired.sent());
    return wired.side->serve(Deadline::after(Duration::zero()), false) == WaitStatus::kTimedOut &&
           wired.side.dispatcher.served.load() == 20 && drained.load();
  }));
  draining.join();
  EXPECT_EQ(answer_of(other), "answer");
  EXPECT_EQ(wired.side.dispatcher.started.size(), 20u);
}

TEST(ConnectionSend, DrainFindsRoomForInputWhenTheBufferIsFullOfUnservedFrames) {
  Wired wired(256 * 1024);
  Call mine(1);
  ASSERT_EQ(send_request(*wired.side.connection, mine, ""), true);
  Writer frames;
  write_frame(frames, Kind::kReply, mine.seq(), as_bytes("answer"));
  while (frames.copied_size() < Inbox::kBufferSize) {
    write_frame(frames, Kind::kRequest, 1, as_bytes(std::string(1011, 'r')));
  }
  wired.raw(frames.copied());
  EXPECT_EQ(wired.side->wait(mine, Deadline::never()), WaitStatus::kDone);
  Call big(2);
  ASSERT_EQ(send_request(*wired.side.connection, big, std::string(512 * 1024, 'x')), false);
  EXPECT_EQ(wired.side->drain(Deadline::after(std::chrono::milliseconds(1))),
            WaitStatus::kTimedOut);
  EXPECT_FALSE(wired.side->is_dead());
  wired.side->fail(Error(Error::Kind::kFailed, "the test is over"));
}

TEST(ConnectionSend, ADrainingThreadHandsWhatItReadToAFollower) {
  Wired wired(64);
  Call big(1);
  Call mine(2);
  ASSERT_EQ(send_request(*wired.side.connection, mine, ""), true);
  ASSERT_EQ(send_request(*wired.side.connection, big, std::string(500, 'x')), false);
  std::thread draining([&] { static_cast<void>(wired.side->drain(Deadline::never())); });
  std::thread waiting(
      [&] { EXPECT_EQ(wired.side->wait(mine, Deadline::never()), WaitStatus::kDone); });
  wired.arrives(Kind::kReply, mine.seq(), "answer");
  waiting.join();
  EXPECT_EQ(answer_of(mine), "answer");
  wired.side->fail(Error(Error::Kind::kFailed, "the test is over"));
  draining.join();
}

TEST(ConnectionSend, TheQueueOfWhatIsReadWhileDrainingHasALimit) {
  Limits limits;
  limits.max_queued_bytes = 1000;
  Wired wired(64, limits);
  Call big(1);
  ASSERT_EQ(send_request(*wired.side.connection, big, std::string(500, 'x')), false);
  std::thread draining([&] { EXPECT_EQ(wired.side->drain(Deadline::never()), WaitStatus::kDead); });
  Writer frames;
  for (int i = 0; i < 100; ++i) write_frame(frames, Kind::kRequest, i, as_bytes("1234567890"));
  std::thread flooding([&] {
    ByteView left = frames.copied();
    while (!wired.side->is_dead()) left = left.subspan(wired.write_some(left));
  });
  draining.join();
  flooding.join();
  EXPECT_EQ(wired.side->error()->kind(), Error::Kind::kOverloaded);
  EXPECT_NE(wired.side->error()->message().find("max_queued_bytes"), std::string::npos);
}

TEST(ConnectionSend, AnAnswerIsHeldBackWhileMoreIsToBeServed) {
  // Tried again when this thread was so slow that the caretaker went before it.
  EXPECT_TRUE(eventually([] {
    Wired wired;
    std::string early;  // on the wire while there was more to serve
    wired.side.dispatcher.on_request = [&](Connection&, std::string_view body) {
      early += wired.sent();
      return TestDispatcher::Answer(body);
    };
    for (const char* body : {"one", "two", "three"}) wired.arrives(Kind::kRequest, 1, body);
    EXPECT_EQ(wired.side->serve(Deadline::after(Duration::zero()), false), WaitStatus::kTimedOut);
    EXPECT_EQ(early.size() + wired.sent().size(), 3 * 13 + std::string("onetwothree").size());
    return early.empty();
  }));
}

TEST(ConnectionSend, AnAnswerLeavesAtOnceWhenNothingElseIsToBeServed) {
  Wired wired;
  std::string after_send;
  wired.side.dispatcher.on_request = [&](Connection& connection, std::string_view) {
    Writer answer;
    write_frame(answer, Kind::kReply, 1, as_bytes("answer"));
    EXPECT_EQ(connection.send_answer(answer), true);
    after_send = wired.sent();
    return TestDispatcher::Answer();
  };
  wired.arrives(Kind::kRequest, 1, "only");
  EXPECT_EQ(wired.side->serve(Deadline::never(), true), WaitStatus::kDone);
  EXPECT_FALSE(after_send.empty());
}

TEST(ConnectionSend, AHeldBackAnswerDoesNotStayBehindWhenOthersTakeTheRest) {
  // Several threads serve, so that the requests an answer was held back for may be another's.
  for (int round = 0; round < 200; ++round) {
    Wired wired;
    const Serving serving(*wired.side.connection, 3);
    std::size_t expected = 0;
    Writer frames;
    for (int i = 0; i < 5; ++i) {
      write_frame(frames, Kind::kRequest, i, as_bytes("x"));
      expected += 14;
    }
    wired.raw(frames.copied());
    std::size_t sent = 0;
    ASSERT_TRUE(eventually([&] { return (sent += wired.sent().size()) == expected; }, seconds(5)))
        << sent << " of " << expected << " in round " << round;
  }
}

TEST(ConnectionSend, CorkedMessagesLeaveInFrontOfTheNextRequest) {
  Wired wired;
  Writer corked;
  write_frame(corked, Kind::kRequest, 8, as_bytes("first"));
  wired.side->cork(corked);
  EXPECT_EQ(wired.sent(), "");
  Call call(9);
  ASSERT_EQ(send_request(*wired.side.connection, call, "second"), true);
  const std::string sent = wired.sent();
  EXPECT_LT(sent.find("first"), sent.find("second"));
  wired.side->cork(corked);
  wired.side->flush();
  EXPECT_NE(wired.sent(), "");
}

TEST(ConnectionSend, RequestsInQuickSuccessionAllLeaveWithoutAnybodyWaiting) {
  Wired wired;
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < 20; ++i) {
    calls.push_back(std::make_unique<Call>(i));
    Writer request;
    write_frame(request, Kind::kRequest, i, as_bytes("x"));
    ASSERT_EQ(wired.side->start_later(*calls.back(), request), true);
  }
  std::size_t sent = 0;
  EXPECT_TRUE(eventually([&] { return (sent += wired.sent().size()) == 20 * 14; })) << sent;
  wired.side->fail(Error(Error::Kind::kFailed, "the test is over"));
}

TEST(ConnectionSend, WhatFoundNoRoomLeavesWithoutAnybodyWaiting) {
  Wired wired(/*capacity=*/64);
  const std::string body(1000, 'x');
  Writer message;
  write_frame(message, Kind::kReply, 1, as_bytes(body));
  wired.side->cork(message);
  wired.side->flush();
  std::size_t sent = 0;
  EXPECT_TRUE(eventually([&] { return (sent += wired.sent().size()) == message.total_size(); }))
      << sent;
}

TEST(ConnectionSend, AnOwnerIsLetGoOfWithoutALock) {
  Wired wired(/*capacity=*/64);
  const std::string body(1000, 'x');
  // Whose destructor sends through the same connection.
  std::shared_ptr<const void> owner(body.data(), [&](const void*) {
    Writer last;
    write_frame(last, Kind::kReply, 2, as_bytes("the last"));
    wired.side->cork(last);
    wired.side->flush_within(Duration::zero());
  });
  {
    Writer message;
    write_frame(message, Kind::kReply, 1, as_bytes(body), owner);
    wired.side->cork(message);
  }
  owner.reset();
  wired.side->flush();
  std::string sent;
  EXPECT_TRUE(eventually([&] { return (sent += wired.sent()).ends_with("the last"); })) << sent;
}

TEST(ConnectionSend, AConnectionMayGoWhileSomethingIsHeldBack) {
  for (int i = 0; i < 100; ++i) {
    Wired wired;
    Call calls[] = {Call(1), Call(2), Call(3)};
    for (Call& call : calls) {
      Writer request;
      write_frame(request, Kind::kRequest, call.seq(), as_bytes("x"));
      ASSERT_TRUE(wired.side->start_later(call, request));
    }
    wired.side->fail(Error(Error::Kind::kFailed, "the test is over"));
  }
}

}  // namespace
}  // namespace sinew::rpc
