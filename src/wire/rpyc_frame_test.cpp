#include "wire/rpyc_frame.h"

#include <gtest/gtest.h>

#include <array>

#include "wire/testdata.h"

namespace sinew::wire {
namespace {

using testdata::to_hex;

Result<FrameHeader> header_of(std::array<std::uint8_t, 5> bytes, std::size_t limit = 1000) {
  return parse_frame_header(bytes, limit);
}

TEST(RpycFrame, AHeaderTellsLengthAndCompression) {
  const auto plain = header_of({0, 0, 1, 2, 0});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->length, 258u);
  EXPECT_FALSE(plain->compressed);
  EXPECT_EQ(frame_size(*plain), 264u);
  EXPECT_TRUE(header_of({0, 0, 0, 0, 1})->compressed);
  EXPECT_TRUE(header_of({0, 0, 0, 0, 0xff})->compressed);  // as stock peers read it
}

TEST(RpycFrame, AFrameBeyondTheLimitIsRefusedFromItsHeader) {
  EXPECT_TRUE(header_of({0, 0, 3, 0xe8, 0}));
  EXPECT_EQ(header_of({0, 0, 3, 0xe9, 0}).error(), Errc::kFrameTooLarge);
  EXPECT_EQ(header_of({0xff, 0xff, 0xff, 0xff, 1}).error(), Errc::kFrameTooLarge);
  EXPECT_TRUE(header_of({0xff, 0xff, 0xff, 0xff, 0}, kMaxFramePayload));
}

TEST(RpycFrame, EveryRecordedHeaderIsThatOfItsFrame) {
  for (const auto& recorded : testdata::frames()) {
    const auto header = parse_frame_header(
        std::span<const std::uint8_t>(recorded.frame).first<kFrameHeaderSize>(), 1 << 20);
    ASSERT_TRUE(header) << recorded.summary;
    EXPECT_EQ(frame_size(*header), recorded.frame.size()) << recorded.summary;
  }
}

TEST(RpycFrame, AnEmptyPayloadIsAFrameToo) {
  Writer out;
  ASSERT_TRUE(end_frame(out, begin_frame(out)));
  EXPECT_EQ(to_hex(out.copied()), "00000000000a");
}

TEST(RpycFrame, TheLengthIsPatchedWhereTheFrameBegan) {
  Writer out;
  for (int i = 1; i <= 2; ++i) {
    const std::size_t start = begin_frame(out);
    for (int j = 0; j < i; ++j) out.put(0x77);
    ASSERT_TRUE(end_frame(out, start));
  }
  EXPECT_EQ(to_hex(out.copied()),
            "0000000100770a"
            "000000020077770a");
}

TEST(RpycFrame, BorrowedBytesCountForTheFrameTheyAreIn) {
  const std::vector<std::uint8_t> large(1000, 1);
  Writer out;
  const std::size_t first = begin_frame(out);
  out.borrow(large, nullptr);
  ASSERT_TRUE(end_frame(out, first));
  const std::size_t second = begin_frame(out);
  out.borrow(large, nullptr);
  out.put(0x77);
  out.borrow(large, nullptr);
  ASSERT_TRUE(end_frame(out, second));
  EXPECT_EQ(load_be32(out.at(first)), 1000u);
  EXPECT_EQ(load_be32(out.at(second)), 2001u);
  EXPECT_EQ(out.total_size(), 1006u + 2007u);
}

TEST(RpycFrame, APayloadBeyond32BitsIsRefused) {
  // Never read: the length alone counts.
  const std::uint8_t one = 0;
  const ByteView huge(&one, kMaxFramePayload);
  Writer out;
  const std::size_t start = begin_frame(out);
  out.borrow(huge, nullptr);
  EXPECT_TRUE(end_frame(out, start));
  out.clear();
  begin_frame(out);
  out.borrow(huge, nullptr);
  out.put(0);
  EXPECT_EQ(end_frame(out, 0).error(), Errc::kFrameTooLarge);
}

}  // namespace
}  // namespace sinew::wire
