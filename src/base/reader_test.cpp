#include "base/reader.h"

#include <gtest/gtest.h>

#include <array>

namespace sinew {
namespace {

constexpr std::array<std::uint8_t, 13> kBytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};

TEST(Reader, TakesNumbersInOrder) {
  Reader in(kBytes);
  EXPECT_EQ(in.peek(), 1);
  EXPECT_EQ(in.take(), 1);
  EXPECT_EQ(in.take_be32(), 0x02030405u);
  EXPECT_EQ(in.take_be64(), 0x060708090a0b0c0du);
  EXPECT_TRUE(in.empty());
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(Reader, TakesBytesWithoutACopy) {
  Reader in(kBytes);
  ASSERT_TRUE(in.take());
  const auto bytes = in.take(std::size_t{3});
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->data(), kBytes.data() + 1);
  EXPECT_EQ(bytes->size(), 3u);
  EXPECT_EQ(in.position(), kBytes.data() + 4);
}

TEST(Reader, NothingIsTakenBeyondTheEnd) {
  for (std::size_t size = 0; size < 8; ++size) {
    Reader in(ByteView(kBytes).first(size));
    EXPECT_EQ(in.take_be64().error(), Errc::kTruncated);
    EXPECT_EQ(in.take(size + 1).error(), Errc::kTruncated);
    EXPECT_EQ(in.take(static_cast<std::size_t>(-1)).error(), Errc::kTruncated);
    if (size < 4) {
      EXPECT_EQ(in.take_be32().error(), Errc::kTruncated);
    }
    EXPECT_EQ(in.remaining(), size) << "the cursor did not move";
  }
}

TEST(Reader, AnEmptyReaderHasNothingButNothing) {
  Reader in({});
  EXPECT_TRUE(in.empty());
  EXPECT_EQ(in.take().error(), Errc::kTruncated);
  const auto none = in.take(std::size_t{0});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

}  // namespace
}  // namespace sinew
