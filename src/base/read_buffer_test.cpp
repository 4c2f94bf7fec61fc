#include "base/read_buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>

namespace sinew {
namespace {

TEST(ReadBuffer, LivesUntilTheLastShareGoes) {
  ReadBuffer* const buffer = ReadBuffer::make(100);
  EXPECT_GE(buffer->capacity(), 100u);
  std::memset(buffer->data(), 'x', 100);
  EXPECT_TRUE(buffer->is_unique());
  buffer->retain();
  Slice slice(buffer, ByteView(buffer->data(), 100));
  EXPECT_FALSE(buffer->is_unique());
  buffer->release();
  EXPECT_EQ(as_text(slice.bytes()), std::string(100, 'x'));
}

TEST(ReadBuffer, ALargeOneIsWritableEverywhere) {
  constexpr std::size_t kSize = ReadBuffer::kHugeThreshold + 4097;
  ReadBuffer* const buffer = ReadBuffer::make(kSize);
  buffer->data()[0] = 1;
  buffer->data()[kSize - 1] = 2;
  EXPECT_EQ(buffer->data()[kSize - 1], 2);
  buffer->release();
}

TEST(Slice, ACopyOfBytesIsItsOwn) {
  std::string text = "hello";
  const Slice slice = Slice::copy_of(as_bytes(text));
  text = "other";
  EXPECT_EQ(as_text(slice.bytes()), "hello");
  EXPECT_TRUE(Slice::copy_of({}).empty());
}

TEST(Slice, PartsAndCopiesShareTheMemory) {
  Slice part;
  {
    const Slice whole = Slice::copy_of(as_bytes("hello world"));
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): that it shares is the test
    const Slice copy = whole;
    part = copy.part(6, 5);
    EXPECT_EQ(part.bytes().data(), whole.bytes().data() + 6);
  }
  EXPECT_EQ(as_text(part.bytes()), "world");
}

TEST(Slice, NarrowingGivesTheShareAway) {
  Slice whole = Slice::copy_of(as_bytes("hello world"));
  const ByteView hello = whole.bytes().first(5);
  const Slice narrow = std::move(whole).narrow(hello);
  EXPECT_EQ(as_text(narrow.bytes()), "hello");
  EXPECT_TRUE(whole.empty());  // NOLINT(bugprone-use-after-move): what is left is the test
}

TEST(Slice, MovingLeavesNothingBehind) {
  Slice one = Slice::copy_of(as_bytes("x"));
  const Slice two = std::move(one);
  EXPECT_TRUE(one.empty());  // NOLINT(bugprone-use-after-move): what is left is the test
  EXPECT_EQ(two.size(), 1u);
  one = two;
  EXPECT_EQ(as_text(one.bytes()), "x");
  one = one.part(0, 1);
  EXPECT_EQ(as_text(one.bytes()), "x");
}

TEST(Slice, StaticBytesNeedNoBuffer) {
  const Slice slice(nullptr, as_bytes("static"));
  const Slice copy = slice.part(0, 3);
  EXPECT_EQ(as_text(copy.bytes()), "sta");
}

TEST(Slice, SharesAreCountedAcrossThreads) {
  const Slice whole = Slice::copy_of(as_bytes("shared"));
  std::thread threads[4];
  for (std::thread& thread : threads) {
    thread = std::thread([copy = whole] {
      for (int i = 0; i < 1000; ++i) {
        // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): that it counts is the test
        const Slice another = copy;
        ASSERT_EQ(as_text(another.bytes()), "shared");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace sinew
