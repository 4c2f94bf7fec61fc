#include "rpc/outbox.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <thread>

#include "base/eventually.h"
#include "io/memory_stream.h"

namespace sinew::rpc {
namespace {

void write(Writer& out, std::string_view text) { out.append(as_bytes(text)); }

/// A stream that takes at most `room` bytes in all, as many in a write as `per_write`, and calls
/// `during_write` before it takes them.
class Sink final : public io::Stream {
 public:
  Result<std::size_t> try_read(MutableByteView, std::size_t) override {
    return fail(Errc::kWouldBlock);
  }
  Result<std::size_t> read(MutableByteView, std::size_t, Deadline) override {
    return fail(Errc::kTimedOut);
  }
  Result<std::size_t> try_write(std::span<const iovec> pieces) override {
    ++writes;
    if (during_write) std::exchange(during_write, nullptr)();
    if (interruptions > 0) {
      --interruptions;
      return fail(Errc::kInterrupted);
    }
    if (broken) return fail(Errc::kConnectionReset);
    const std::size_t before = taken.size();
    for (const iovec& piece : pieces) {
      const std::size_t left = std::min(per_write - (taken.size() - before), room - taken.size());
      taken.append(static_cast<const char*>(piece.iov_base), std::min(left, piece.iov_len));
    }
    if (taken.size() == before) return fail(Errc::kWouldBlock);
    return taken.size() - before;
  }
  Result<io::Readiness> wait(io::Readiness wanted, Deadline) override { return wanted; }
  void interrupt() noexcept override {}
  int descriptor() const noexcept override { return -1; }
  std::string last_error() const override { return {}; }
  std::string describe() const override { return "sink"; }

  std::string taken;
  std::size_t room = std::size_t{1} << 40;
  std::size_t per_write = std::size_t{1} << 40;
  int writes = 0;
  int interruptions = 0;
  bool broken = false;
  std::function<void()> during_write;
};

TEST(Outbox, AMessageGoesStraightToTheStream) {
  Sink sink;
  Outbox outbox(sink);
  Writer message;
  write(message, "hello");
  EXPECT_EQ(outbox.submit(message), true);
  EXPECT_EQ(sink.taken, "hello");
  EXPECT_EQ(sink.writes, 1);
  EXPECT_FALSE(outbox.has_pending());
  EXPECT_EQ(outbox.sent(), 5u);
}

TEST(Outbox, BorrowedPartsGoWhereTheyBelongInOneWrite) {
  Sink sink;
  Outbox outbox(sink);
  Writer message;
  const auto owner = std::make_shared<const std::string>("BORROWED");
  message.borrow(as_bytes(*owner), owner);
  write(message, "-then-");
  message.borrow(as_bytes(*owner), owner);
  message.borrow(as_bytes(*owner), owner);
  EXPECT_EQ(outbox.submit(message), true);
  EXPECT_EQ(sink.taken, "BORROWED-then-BORROWEDBORROWED");
  EXPECT_EQ(sink.writes, 1);
}

TEST(Outbox, AMessageMayBeTakenInPiecesOfAnySize) {
  const auto owner = std::make_shared<const std::string>("0123456789");
  for (std::size_t step = 1; step < 40; ++step) {
    SCOPED_TRACE(step);
    Sink sink;
    sink.per_write = step;
    Outbox outbox(sink);
    Writer message;
    write(message, "abc");
    message.borrow(as_bytes(*owner), owner);
    write(message, "def");
    message.borrow(as_bytes(*owner), owner);
    EXPECT_EQ(outbox.submit(message), true);
    EXPECT_EQ(sink.taken, "abc0123456789def0123456789");
  }
}

TEST(Outbox, WhatDoesNotFitWaitsAndKeepsTheOrder) {
  const auto owner = std::make_shared<const std::string>("0123456789");
  for (std::size_t room = 0; room < 20; ++room) {
    SCOPED_TRACE(room);
    Sink sink;
    sink.room = room;
    Outbox outbox(sink);
    Writer first;
    write(first, "abc");
    first.borrow(as_bytes(*owner), owner);
    Writer second;
    write(second, "second");
    EXPECT_EQ(outbox.submit(first), room >= 13);
    EXPECT_EQ(outbox.submit(second), room >= 19);
    EXPECT_EQ(outbox.has_pending(), room < 19);
    EXPECT_EQ(outbox.queued(), 19u);
    EXPECT_EQ(outbox.sent(), room);
    sink.room = 1000;
    EXPECT_TRUE(outbox.flush());
    EXPECT_EQ(sink.taken, "abc0123456789second");
    EXPECT_FALSE(outbox.has_pending());
  }
}

TEST(Outbox, WhatWaitsOutlivesItsWriterAndItsOwnersAreLetGo) {
  Sink sink;
  sink.room = 0;
  Outbox outbox(sink);
  std::weak_ptr<const std::string> watched;
  {
    const auto owner = std::make_shared<const std::string>("borrowed");
    watched = owner;
    Writer message;
    write(message, "copied ");
    message.borrow(as_bytes(*owner), owner);
    EXPECT_EQ(outbox.submit(message), false);
  }
  EXPECT_FALSE(watched.expired());
  sink.room = 1000;
  ASSERT_TRUE(outbox.flush());
  EXPECT_EQ(sink.taken, "copied borrowed");
  EXPECT_TRUE(watched.expired());
}

TEST(Outbox, MoreRunsThanOneWriteTakesAllLeave) {
  Sink sink;
  Outbox outbox(sink);
  const auto owner = std::make_shared<const std::string>("b");
  Writer message;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    write(message, "a");
    message.borrow(as_bytes(*owner), owner);
    expected += "ab";
  }
  EXPECT_EQ(outbox.submit(message), true);
  EXPECT_EQ(sink.taken, expected);
}

TEST(Outbox, CorkedMessagesLeaveTogetherInFrontOfTheNext) {
  Sink sink;
  Outbox outbox(sink);
  for (const char* text : {"one ", "two ", "three "}) {
    Writer message;
    write(message, text);
    outbox.cork(message);
  }
  EXPECT_EQ(sink.writes, 0);
  EXPECT_TRUE(outbox.has_pending());
  Writer message;
  write(message, "four");
  EXPECT_EQ(outbox.submit(message), true);
  EXPECT_EQ(sink.taken, "one two three four");
  EXPECT_EQ(sink.writes, 1);
}

TEST(Outbox, WhoComesWhileAnotherWritesLeavesItsMessageToTheWriter) {
  Sink sink;
  Outbox outbox(sink);
  Writer first;
  write(first, "first ");
  Writer second;
  write(second, "second");
  sink.during_write = [&] { EXPECT_EQ(outbox.submit(second), true); };
  EXPECT_EQ(outbox.submit(first), true);
  EXPECT_EQ(sink.taken, "first second");
  EXPECT_EQ(sink.writes, 2);
}

TEST(Outbox, WhoComesWhileTheQueueIsWrittenGoesBehindIt) {
  Sink sink;
  sink.room = 0;
  Outbox outbox(sink);
  Writer first;
  write(first, "first ");
  Writer second;
  write(second, "second");
  EXPECT_EQ(outbox.submit(first), false);
  sink.room = 1000;
  sink.during_write = [&] { EXPECT_EQ(outbox.submit(second), true); };
  EXPECT_TRUE(outbox.flush());
  EXPECT_EQ(sink.taken, "first second");
}

TEST(Outbox, TheRestOfABegunMessageGoesBeforeWhatCameMeanwhile) {
  Sink sink;
  sink.per_write = 3;
  Outbox outbox(sink);
  Writer first;
  write(first, "first ");
  Writer second;
  write(second, "second");
  sink.during_write = [&] { EXPECT_EQ(outbox.submit(second), true); };
  EXPECT_EQ(outbox.submit(first), true);
  EXPECT_EQ(sink.taken, "first second");
}

TEST(Outbox, ASignalDoesNotInterruptAWrite) {
  Sink sink;
  sink.interruptions = 3;
  Outbox outbox(sink);
  Writer message;
  write(message, "x");
  EXPECT_EQ(outbox.submit(message), true);
  EXPECT_EQ(sink.taken, "x");
}

TEST(Outbox, ABrokenStreamIsReportedToWhoeverWrites) {
  Sink sink;
  sink.broken = true;
  Outbox outbox(sink);
  Writer message;
  write(message, "x");
  EXPECT_EQ(outbox.submit(message).error(), Errc::kConnectionReset);
  outbox.cork(message);
  EXPECT_EQ(outbox.flush().error(), Errc::kConnectionReset);
}

TEST(Outbox, MessagesOfManyThreadsStayWhole) {
  constexpr int kThreads = 4;
  constexpr int kMessages = 500;
  auto [near, far] = io::make_memory_pair(257);  // hardly a message has room in one piece
  Outbox outbox(*near);
  std::vector<std::thread> threads;
  std::atomic<int> writers{kThreads};
  for (int id = 0; id < kThreads; ++id) {
    threads.emplace_back([&outbox, &writers, id] {
      for (int i = 0; i < kMessages; ++i) {
        Writer message;
        const std::string text(static_cast<std::size_t>(1 + (i * 7) % 90),
                               static_cast<char>('a' + id));
        message.put(static_cast<std::uint8_t>(text.size()));
        write(message, text);
        static_cast<void>(outbox.submit(message));
      }
      writers.fetch_sub(1);
    });
  }
  std::string received;
  std::string part(1024, '\0');
  while (writers.load() > 0 || outbox.has_pending()) {
    static_cast<void>(outbox.flush());
    const auto count =
        far->try_read({reinterpret_cast<std::uint8_t*>(part.data()), part.size()}, 1);
    if (count) received.append(part, 0, *count);
  }
  for (std::thread& thread : threads) thread.join();
  while (const auto count =
             far->try_read({reinterpret_cast<std::uint8_t*>(part.data()), part.size()}, 1)) {
    received.append(part, 0, *count);
  }
  int messages = 0;
  for (std::size_t at = 0; at < received.size(); ++messages) {
    const auto size = static_cast<std::size_t>(static_cast<unsigned char>(received[at]));
    ASSERT_EQ(received.substr(at + 1, size), std::string(size, received[at + 1]));
    at += 1 + size;
  }
  EXPECT_EQ(messages, kThreads * kMessages);
}

}  // namespace
}  // namespace sinew::rpc
