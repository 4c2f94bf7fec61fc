#include "io/pipe_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "base/eventually.h"
#include "io/test_stream.h"

namespace sinew::io {
namespace {

using std::chrono::milliseconds;
using testing::read;
using testing::write;

Deadline soon() { return Deadline::after(milliseconds(2)); }

class PipeStreamTest : public ::testing::Test {
 protected:
  PipeStreamTest() {
    int there[2];
    int back[2];
    EXPECT_EQ(::pipe2(there, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(back, O_CLOEXEC), 0);
    near_ = std::make_unique<PipeStream>(Fd(back[0]), Fd(there[1]));
    far_ = std::make_unique<PipeStream>(Fd(there[0]), Fd(back[1]));
  }

  std::unique_ptr<PipeStream> near_;
  std::unique_ptr<PipeStream> far_;
};

TEST_F(PipeStreamTest, BytesGoBothWays) {
  EXPECT_EQ(write(*near_, "hello"), 5u);
  EXPECT_EQ(read(*far_, Deadline::never()), "hello");
  EXPECT_EQ(write(*far_, "world"), 5u);
  EXPECT_EQ(read(*near_, Deadline::never()), "world");
}

TEST_F(PipeStreamTest, NothingToReadIsNoError) {
  std::uint8_t byte[1];
  EXPECT_EQ(near_->try_read(byte, 1).error(), Errc::kWouldBlock);
  EXPECT_EQ(read(*near_, soon()).error(), Errc::kTimedOut);
}

TEST_F(PipeStreamTest, AFullPipeWouldBlockAndDoesNotStopReading) {
  while (write(*near_, std::string(5000, 'x'))) {
  }
  EXPECT_EQ(write(*near_, "x").error(), Errc::kWouldBlock);
  EXPECT_EQ(near_->wait({.readable = true, .writable = true}, soon()).error(), Errc::kTimedOut);
  ASSERT_TRUE(write(*far_, "input"));
  const auto ready = near_->wait({.readable = true, .writable = true}, Deadline::never());
  EXPECT_TRUE(ready && ready->readable && !ready->writable);
  while (read(*far_, soon())) {
  }
  const auto room = near_->wait({.readable = false, .writable = true}, Deadline::never());
  EXPECT_TRUE(room && room->writable);
}

TEST_F(PipeStreamTest, TheEndIsSeenBehindTheLastByte) {
  ASSERT_TRUE(write(*far_, "last"));
  far_.reset();
  EXPECT_EQ(read(*near_, Deadline::never()), "last");
  EXPECT_EQ(read(*near_, Deadline::never()).error(), Errc::kEndOfStream);
}

TEST_F(PipeStreamTest, WritingToAClosedPeerIsAnError) {
  // A program that uses pipes ignores SIGPIPE; Python does.
  struct sigaction ignore = {};
  struct sigaction before = {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  far_.reset();
  EXPECT_EQ(write(*near_, "x").error(), Errc::kConnectionReset);
  EXPECT_NE(near_->last_error(), "");
  ::sigaction(SIGPIPE, &before, nullptr);
}

TEST_F(PipeStreamTest, InterruptWakesEveryWaiterAndEndsBothDirections) {
  std::thread reader(
      [&] { EXPECT_EQ(read(*near_, Deadline::never()).error(), Errc::kEndOfStream); });
  std::thread waiter([&] { EXPECT_TRUE(near_->wait({.readable = true}, Deadline::never())); });
  near_->interrupt();
  reader.join();
  waiter.join();
  EXPECT_EQ(read(*near_, Deadline::never()).error(), Errc::kEndOfStream);
  EXPECT_FALSE(write(*near_, "x"));
}

TEST_F(PipeStreamTest, ASignalInterruptsARead) {
  const InterruptingSignal signal;
  std::atomic<bool> left{false};
  std::thread reader([&] {
    EXPECT_EQ(read(*near_, Deadline::never()).error(), Errc::kInterrupted);
    left.store(true);
  });
  EXPECT_TRUE(eventually([&] {
    if (!left.load()) signal.send_to(reader);
    return left.load();
  }));
  reader.join();
}

}  // namespace
}  // namespace sinew::io
