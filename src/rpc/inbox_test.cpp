#include "rpc/inbox.h"

#include <gtest/gtest.h>

#include <string>

#include "rpc/test_dialect.h"

namespace sinew::rpc {
namespace {

using testing::TestSession;

std::string frame_of(std::string_view body) {
  Writer out;
  testing::write_frame(out, Incoming::Kind::kRequest, 7, as_bytes(body));
  return std::string(as_text(out.copied()));
}

class InboxTest : public ::testing::Test {
 protected:
  InboxTest() : pair_(io::make_memory_pair(8u << 20)), inbox_(*pair_.first, session_) {}

  void arrives(std::string_view bytes) {
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    ASSERT_EQ(pair_.second->try_write({&piece, 1}), bytes.size());
  }

  // The body of the next frame, reading as long as there is something to read.
  std::string next() {
    while (!inbox_.has_frame() && inbox_.try_fill()) {
    }
    return next_of_read();
  }

  // The body of the next frame of what was read before.
  std::string next_of_read() {
    const auto frame = inbox_.next();
    if (!frame) return "error: " + std::string(describe(frame.error()));
    if (!*frame) return "nothing";
    frames_.push_back(**frame);
    return std::string(as_text((*frame)->bytes().subspan(testing::kHeaderSize + 9)));
  }

  TestSession session_{1u << 22};
  std::pair<std::unique_ptr<io::Stream>, std::unique_ptr<io::Stream>> pair_;
  Inbox inbox_;
  std::vector<Slice> frames_;  // all that came stay in use, as they may
};

TEST_F(InboxTest, AFrameComesOutAsItWentIn) {
  arrives(frame_of("hello"));
  EXPECT_FALSE(inbox_.has_frame());
  ASSERT_TRUE(inbox_.try_fill());
  EXPECT_TRUE(inbox_.has_frame());
  EXPECT_EQ(next_of_read(), "hello");
  EXPECT_FALSE(inbox_.has_frame());
  EXPECT_EQ(next_of_read(), "nothing");
}

TEST_F(InboxTest, TwoFramesMayBeCutAtAnyByte) {
  const std::string bytes = frame_of("the first") + frame_of("2");
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    SCOPED_TRACE(cut);
    arrives(std::string_view(bytes).substr(0, cut));
    const bool first_is_there = cut >= frame_of("the first").size();
    EXPECT_EQ(next(), first_is_there ? "the first" : "nothing");
    EXPECT_EQ(inbox_.has_partial(), cut != frame_of("the first").size());
    arrives(std::string_view(bytes).substr(cut));
    if (!first_is_there) {
      EXPECT_EQ(next(), "the first");
    }
    EXPECT_EQ(next(), "2");
    EXPECT_FALSE(inbox_.has_partial());
  }
}

TEST_F(InboxTest, AFrameMayComeByteByByte) {
  const std::string bytes = frame_of("drip");
  for (const char& byte : std::string_view(bytes).substr(0, bytes.size() - 1)) {
    arrives({&byte, 1});
    EXPECT_EQ(next(), "nothing");
  }
  arrives({&bytes.back(), 1});
  EXPECT_EQ(next(), "drip");
}

TEST_F(InboxTest, OneReadMayHoldManyFrames) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += frame_of(std::to_string(i));
  ASSERT_LT(bytes.size(), Inbox::kBufferSize);
  arrives(bytes);
  ASSERT_TRUE(inbox_.try_fill());
  EXPECT_EQ(inbox_.try_fill().error(), Errc::kWouldBlock) << "one read took them all";
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(next_of_read(), std::to_string(i));
  EXPECT_EQ(next_of_read(), "nothing");
}

TEST_F(InboxTest, FramesSurviveALongStreamWhileOlderOnesAreInUse) {
  for (int i = 0; i < 300; ++i) arrives(frame_of(std::to_string(i) + std::string(1000, 'x')));
  for (int i = 0; i < 300; ++i) ASSERT_EQ(next(), std::to_string(i) + std::string(1000, 'x'));
  for (int i = 0; i < 300; ++i) {
    const auto body = as_text(frames_[static_cast<std::size_t>(i)].bytes()).substr(13);
    ASSERT_EQ(body, std::to_string(i) + std::string(1000, 'x'));
  }
}

TEST_F(InboxTest, ALargeFrameIsReceivedAndTheNextOneToo) {
  const std::string large(3u << 20, 'L');
  arrives(frame_of("before") + frame_of(large) + frame_of("after"));
  EXPECT_EQ(next(), "before");
  EXPECT_EQ(next(), large);
  EXPECT_EQ(next(), "after");
}

TEST_F(InboxTest, ALargeFrameHasItsMemoryForItself) {
  arrives(frame_of(std::string(1u << 20, 'L')) + frame_of("after"));
  EXPECT_EQ(next_of_read(), "nothing");
  while (!inbox_.has_frame()) ASSERT_TRUE(inbox_.try_fill());
  ASSERT_NE(next_of_read(), "nothing");
  EXPECT_FALSE(inbox_.has_partial()) << "nothing beyond the frame was read into its buffer";
  EXPECT_EQ(next(), "after");
}

TEST_F(InboxTest, AFrameBeyondTheLimitIsRefusedFromItsHeader) {
  arrives({"\x7f\xff\xff\xff", 4});
  EXPECT_EQ(inbox_.try_fill().error(), Errc::kFrameTooLarge);
}

TEST_F(InboxTest, FramesInFrontOfABadOneStillComeOut) {
  arrives(frame_of("good") + frame_of("too") + std::string("\x7f\xff\xff\xff", 4));
  ASSERT_TRUE(inbox_.try_fill());
  EXPECT_EQ(next_of_read(), "good");
  EXPECT_EQ(next_of_read(), "too");
  EXPECT_EQ(next_of_read(), "error: " + std::string(describe(Errc::kFrameTooLarge)));
  EXPECT_EQ(next_of_read(), "error: " + std::string(describe(Errc::kFrameTooLarge)));
}

TEST_F(InboxTest, WhatWasSetAsideComesFirstAndIsCounted) {
  arrives(frame_of("1") + frame_of("22"));
  ASSERT_TRUE(inbox_.try_fill());
  EXPECT_EQ(inbox_.set_aside(), 2 * testing::kHeaderSize + 2 * testing::kRestSize + 3);
  arrives(frame_of("333"));
  ASSERT_TRUE(inbox_.try_fill());
  EXPECT_TRUE(inbox_.has_frame());
  EXPECT_EQ(next_of_read(), "1");
  EXPECT_EQ(next_of_read(), "22");
  EXPECT_EQ(next_of_read(), "333");
  EXPECT_EQ(inbox_.set_aside(), 0u);
}

TEST_F(InboxTest, AFrameThatWasPutBackIsTheNextAgain) {
  arrives(frame_of("1") + frame_of("2") + frame_of("3"));
  ASSERT_TRUE(inbox_.try_fill());
  const std::size_t size = frame_of("1").size();
  EXPECT_EQ(inbox_.set_aside(), 3 * size);
  EXPECT_EQ(next_of_read(), "1");
  inbox_.put_back(frames_.back());
  EXPECT_EQ(inbox_.set_aside(), 3 * size) << "what is put back counts again";
  EXPECT_EQ(next_of_read(), "1");
  EXPECT_EQ(next_of_read(), "2");
  EXPECT_EQ(inbox_.set_aside(), size);
  EXPECT_EQ(next_of_read(), "3");
}

TEST_F(InboxTest, TheEndOfTheStreamIsReportedBehindTheLastFrame) {
  arrives(frame_of("last"));
  pair_.second.reset();
  ASSERT_TRUE(inbox_.try_fill());
  EXPECT_EQ(next_of_read(), "last");
  EXPECT_EQ(inbox_.try_fill().error(), Errc::kEndOfStream);
  EXPECT_EQ(inbox_.fill(Deadline::never()).error(), Errc::kEndOfStream);
}

TEST_F(InboxTest, AReadWaitsNoLongerThanItMay) {
  EXPECT_EQ(inbox_.try_fill().error(), Errc::kWouldBlock);
  EXPECT_EQ(inbox_.fill(Deadline::after(Duration::zero())).error(), Errc::kTimedOut);
}

}  // namespace
}  // namespace sinew::rpc
