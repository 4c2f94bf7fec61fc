#include "wire/brine_tokens.h"

#include <gtest/gtest.h>

#include <limits>

#include "wire/testdata.h"

namespace sinew::wire {
namespace {

using testdata::Bytes;
using testdata::from_hex;
using testdata::to_hex;

constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
constexpr auto kMin = std::numeric_limits<std::int64_t>::min();

std::string written_int(std::int64_t value) {
  Writer out;
  write_int(out, value);
  return to_hex(out.copied());
}

Result<std::int64_t> int_of(std::string_view hex) {
  const Bytes bytes = from_hex(hex);
  Reader in(bytes);
  return read_int(in);
}

Result<std::int64_t> int_of_text(std::string_view decimal) {
  Writer out;
  write_integer_text(out, decimal);
  Reader in(out.copied());
  return read_int(in);
}

Errc error_of(auto&& result) { return result ? Errc::kOk : result.error(); }

Errc skip(std::string_view hex, std::size_t expected_left = 0) {
  const Bytes bytes = from_hex(hex);
  Reader in(bytes);
  const auto skipped = skip_value(in, 4);
  if (!skipped) return skipped.error();
  EXPECT_EQ(in.remaining(), expected_left) << hex;
  return Errc::kOk;
}

TEST(BrineTokens, AnIntegerIsWrittenInItsShortestForm) {
  EXPECT_EQ(written_int(0), "50");
  EXPECT_EQ(written_int(-48), "20");
  EXPECT_EQ(written_int(159), "ef");
  EXPECT_EQ(written_int(160), "1603313630");
  EXPECT_EQ(written_int(-49), "16032d3439");
  EXPECT_EQ(written_int(kMax), "161339323233333732303336383534373735383037");
  EXPECT_EQ(written_int(kMin), "16142d39323233333732303336383534373735383038");
}

TEST(BrineTokens, EveryNumberOfDigitsIsReadBackAsWritten) {
  std::int64_t power = 1;
  for (int digits = 1; digits <= 19; ++digits) {
    for (const std::int64_t value : {power - 1, power, power + 1, 1 - power, -power, -power - 1}) {
      EXPECT_EQ(int_of(written_int(value)), value);
      EXPECT_EQ(int_of_text(std::to_string(value)), value);
    }
    if (digits < 19) power *= 10;
  }
  for (const std::int64_t value : {kMax, kMin, kMax - 1, kMin + 1}) {
    EXPECT_EQ(int_of(written_int(value)), value);
  }
}

TEST(BrineTokens, AnIntegerBeyond64BitsIsTooLong) {
  EXPECT_EQ(error_of(int_of_text("9223372036854775808")), Errc::kTooLong);
  EXPECT_EQ(error_of(int_of_text("-9223372036854775809")), Errc::kTooLong);
  EXPECT_EQ(error_of(int_of_text("18446744073709551617")), Errc::kTooLong);
  EXPECT_EQ(error_of(int_of_text("1" + std::string(300, '0'))), Errc::kTooLong);
}

TEST(BrineTokens, LeadingZerosDoNotMakeAnIntegerLong) {
  EXPECT_EQ(int_of_text(std::string(300, '0') + "42"), 42);
  EXPECT_EQ(int_of_text("-" + std::string(300, '0') + "9223372036854775808"), kMin);
  EXPECT_EQ(int_of_text(std::string(25, '0')), 0);
  EXPECT_EQ(int_of_text("-0"), 0);
}

TEST(BrineTokens, AnIntegersTextIsDigitsOnly) {
  for (const char* text : {"", "-", "+1", " 1", "1 ", "1_000", "0x10", "1.0", "--1", "1234567a",
                           "a2345678", "12345678901234567890x", "1234567:", "/2345678", "-1-"}) {
    EXPECT_EQ(error_of(int_of_text(text)), Errc::kBadInteger) << text;
  }
}

TEST(BrineTokens, EveryByteThatIsNoDigitIsRefusedAtEveryPlace) {
  for (const std::size_t size : {7u, 15u, 17u}) {
    for (std::size_t i = 0; i < size * 256; ++i) {
      const std::size_t at = i / 256;
      const char byte = static_cast<char>(i % 256);
      std::string text(size, '7');
      text[at] = byte;
      const bool good = (byte >= '0' && byte <= '9') || (at == 0 && byte == '-');
      EXPECT_EQ(int_of_text(text).has_value(), good) << size << " " << i;
    }
  }
}

TEST(BrineTokens, OverlongFormsOfIntegersAreRead) {
  EXPECT_EQ(int_of("160135"), 5);
  EXPECT_EQ(int_of("170000000135"), 5);
  EXPECT_EQ(int_of("09ef"), 159);
  EXPECT_EQ(int_of("09160135"), 5);
}

TEST(BrineTokens, ALongPrefixMustBeFollowedByAnInteger) {
  EXPECT_EQ(error_of(int_of("09")), Errc::kTruncated);
  EXPECT_EQ(error_of(int_of("0900")), Errc::kWrongType);
  EXPECT_EQ(error_of(int_of("090950")), Errc::kWrongType);
  EXPECT_EQ(error_of(int_of("09ff")), Errc::kUnknownTag);
}

TEST(BrineTokens, ReadIntRefusesOtherTypes) {
  EXPECT_EQ(error_of(int_of("03")), Errc::kWrongType);
  EXPECT_EQ(error_of(int_of("080a61")), Errc::kWrongType);
  EXPECT_EQ(error_of(int_of("07")), Errc::kUnknownTag);
  EXPECT_EQ(error_of(int_of("")), Errc::kTruncated);
  EXPECT_EQ(error_of(int_of("1603")), Errc::kTruncated);
  EXPECT_EQ(error_of(int_of("17ffffffff35")), Errc::kTruncated);
}

TEST(BrineTokens, BytesOfEverySizeAreReadBackAsWritten) {
  for (const std::size_t size : {0u, 1u, 2u, 3u, 4u, 5u, 255u, 256u, 257u, 70000u}) {
    const Bytes content(size, 0x61);
    Writer out;
    write_bytes(out, content);
    write_text(out, as_text(content));
    Reader in(out.copied());
    const auto bytes = read_bytes(in);
    ASSERT_TRUE(bytes) << size;
    EXPECT_EQ(as_text(*bytes), as_text(content));
    EXPECT_EQ(read_text(in), as_text(content));
    EXPECT_TRUE(in.empty());
    const std::size_t header = size < 5 ? 1 : size < 256 ? 2 : 5;
    EXPECT_EQ(out.copied_size(), 2 * (header + size) + 1);
  }
}

TEST(BrineTokens, TextAroundSomethingElseThanBytesIsRefused) {
  const auto text_of = [](std::string_view hex) {
    const Bytes bytes = from_hex(hex);
    Reader in(bytes);
    return error_of(read_text(in));
  };
  EXPECT_EQ(text_of("0853"), Errc::kWrongType);
  EXPECT_EQ(text_of("080801"), Errc::kWrongType);
  EXPECT_EQ(text_of("0a61"), Errc::kWrongType);
  EXPECT_EQ(text_of("08"), Errc::kTruncated);
  EXPECT_EQ(text_of("080fffffffff61"), Errc::kTruncated);
  EXPECT_EQ(text_of("08f0"), Errc::kUnknownTag);
}

TEST(BrineTokens, ATupleHeaderTellsItsCount) {
  for (const std::size_t count : {0u, 1u, 4u, 5u, 255u, 256u, 70000u}) {
    Writer out;
    write_tuple_header(out, count);
    for (std::size_t i = 0; i < count; ++i) write_none(out);
    Reader in(out.copied());
    EXPECT_TRUE(next_is_tuple(in));
    EXPECT_EQ(read_tuple_header(in), count);
    EXPECT_EQ(in.remaining(), count);
  }
}

TEST(BrineTokens, ATupleCountBeyondTheBytesLeftIsTruncated) {
  const auto header_of = [](std::string_view hex) {
    const Bytes bytes = from_hex(hex);
    Reader in(bytes);
    return error_of(read_tuple_header(in));
  };
  EXPECT_EQ(header_of("10"), Errc::kTruncated);
  EXPECT_EQ(header_of("13505050"), Errc::kTruncated);
  EXPECT_EQ(header_of("14"), Errc::kTruncated);
  EXPECT_EQ(header_of("140350"), Errc::kTruncated);
  EXPECT_EQ(header_of("15ffffffff50"), Errc::kTruncated);
  EXPECT_EQ(header_of("158000000050"), Errc::kTruncated);
  EXPECT_EQ(header_of("00"), Errc::kWrongType);
  EXPECT_EQ(header_of("1c"), Errc::kUnknownTag);
}

TEST(BrineTokens, AnotherCountThanWantedIsAWrongType) {
  const Bytes two = from_hex("115050");
  Reader in(two);
  EXPECT_EQ(error_of(read_tuple_header_of(in, 3)), Errc::kWrongType);
}

TEST(BrineTokens, WhatIsNextIsToldByItsTag) {
  const auto reader = [](const Bytes& bytes) { return Reader(bytes); };
  const Bytes nothing;
  const Bytes none = from_hex("00");
  const Bytes text = from_hex("0801");
  const Bytes one = from_hex("51");
  EXPECT_FALSE(next_is_none(reader(nothing)));
  EXPECT_FALSE(next_is_int(reader(nothing)));
  EXPECT_TRUE(next_is_none(reader(none)));
  EXPECT_TRUE(next_is_text(reader(text)));
  EXPECT_TRUE(next_is_int(reader(one)));
  EXPECT_FALSE(next_is_bytes(reader(text)));
}

TEST(BrineTokens, EveryTagBelongsToExactlyOneClassOrIsUndefined) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto tag = static_cast<std::uint8_t>(byte);
    const bool undefined = tag == 0x07 || (tag >= 0x1c && tag <= 0x1f) || tag >= 0xf0;
    EXPECT_EQ(unwanted(tag), undefined ? Errc::kUnknownTag : Errc::kWrongType);
    EXPECT_LE(is_tuple(tag) + is_bytes(tag) + is_int(tag) + undefined, 1) << byte;
  }
}

TEST(BrineTokens, SkippingStepsOverEveryVector) {
  for (const auto& vector : testdata::vectors()) {
    Bytes bytes = vector.brine;
    bytes.push_back(0x50);
    Reader in(bytes);
    ASSERT_TRUE(skip_value(in, 200)) << vector.repr;
    EXPECT_EQ(in.remaining(), 1u) << vector.repr;
  }
}

TEST(BrineTokens, SkippingFailsWhereDecodingWould) {
  EXPECT_EQ(skip(""), Errc::kTruncated);
  EXPECT_EQ(skip("07"), Errc::kUnknownTag);
  EXPECT_EQ(skip("1118"), Errc::kTruncated);
  EXPECT_EQ(skip("115007"), Errc::kUnknownTag);
  EXPECT_EQ(skip("0853"), Errc::kWrongType);
  EXPECT_EQ(skip("19115050"), Errc::kWrongType);
  EXPECT_EQ(skip("1a50"), Errc::kWrongType);
  EXPECT_EQ(skip("160161"), Errc::kBadInteger);
  EXPECT_EQ(skip("1010101050"), Errc::kOk);
  EXPECT_EQ(skip("101010101050"), Errc::kTooDeep);
  EXPECT_EQ(skip("1110101050101010"), Errc::kTruncated);
  EXPECT_EQ(skip("1110101050"
                 "10101050"),
            Errc::kOk);
  EXPECT_EQ(skip("1102025050", 2), Errc::kOk);
}

TEST(BrineTokens, NestedCountsMayNotClaimTheSameBytesTwice) {
  // A tuple of 8 in 8 bytes whose first item claims to be a tuple of 6 in the 6 that are left.
  EXPECT_EQ(skip("1408"
                 "1406505050505050"),
            Errc::kTruncated);
}

}  // namespace
}  // namespace sinew::wire
