#include "io/memory_stream.h"

#include <gtest/gtest.h>

#include <string>

#include "base/eventually.h"
#include "io/test_stream.h"

namespace sinew::io {
namespace {

using std::chrono::seconds;
using testing::read;
using testing::write;

class MemoryStreamTest : public ::testing::Test {
 protected:
  std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> pair_ = make_memory_pair(8);
  Stream& near_ = *pair_.first;
  Stream& far_ = *pair_.second;
  ManualClock clock_;
};

TEST_F(MemoryStreamTest, BytesGoBothWays) {
  EXPECT_EQ(write(near_, "hello"), 5u);
  EXPECT_EQ(write(far_, "world"), 5u);
  EXPECT_EQ(read(far_, Deadline::never()), "hello");
  EXPECT_EQ(read(near_, Deadline::never()), "world");
}

TEST_F(MemoryStreamTest, AWriteTakesWhatFits) {
  const iovec pieces[] = {{const_cast<char*>("12345"), 5}, {const_cast<char*>("67890"), 5}};
  EXPECT_EQ(near_.try_write(pieces), 8u);
  EXPECT_EQ(write(near_, "x").error(), Errc::kWouldBlock);
  EXPECT_EQ(read(far_, Deadline::never()), "12345678");
  EXPECT_EQ(write(near_, "x"), 1u);
}

TEST_F(MemoryStreamTest, AWaiterIsWokenByBytesAndByRoom) {
  std::thread reader([&] { EXPECT_EQ(read(near_, Deadline::never()), "x"); });
  ASSERT_TRUE(write(far_, "x"));
  reader.join();
  ASSERT_EQ(write(near_, "12345678"), 8u);
  std::thread writer([&] {
    const auto ready = near_.wait({.readable = true, .writable = true}, Deadline::never());
    EXPECT_TRUE(ready && ready->writable && !ready->readable);
  });
  ASSERT_TRUE(read(far_, Deadline::never()));
  writer.join();
}

TEST_F(MemoryStreamTest, AManualDeadlineEndsAWait) {
  std::thread reader([&] {
    EXPECT_EQ(read(near_, Deadline::after(seconds(30), clock_)).error(), Errc::kTimedOut);
  });
  ASSERT_TRUE(eventually([&] { return clock_.listener_count() == 1; }));
  clock_.advance(seconds(30));
  reader.join();
}

TEST_F(MemoryStreamTest, TheEndIsSeenBehindTheLastByte) {
  ASSERT_TRUE(write(far_, "last"));
  pair_.second.reset();
  EXPECT_EQ(read(near_, Deadline::never()), "last");
  EXPECT_EQ(read(near_, Deadline::never()).error(), Errc::kEndOfStream);
  EXPECT_EQ(write(near_, "x").error(), Errc::kConnectionReset);
}

TEST_F(MemoryStreamTest, InterruptWakesEverybody) {
  std::thread one([&] { EXPECT_EQ(read(near_, Deadline::never()).error(), Errc::kEndOfStream); });
  std::thread other([&] { EXPECT_EQ(read(far_, Deadline::never()).error(), Errc::kEndOfStream); });
  near_.interrupt();
  one.join();
  other.join();
}

}  // namespace
}  // namespace sinew::io
