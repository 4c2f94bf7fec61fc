#include "wire/brine.h"

#include <gtest/gtest.h>

#include "wire/testdata.h"
#include "wire/value.h"

namespace sinew::wire {
namespace {

using testdata::Bytes;
using testdata::from_hex;
using testdata::to_hex;

constexpr BrineLimits kLimits{};

Result<ValueModel::Handle> decode(ByteView bytes, const BrineLimits& limits = kLimits) {
  ValueModel model;
  Reader in(bytes);
  return decode_brine(model, in, limits);
}

Errc decode_error(std::string_view hex) {
  const auto decoded = decode(from_hex(hex));
  return decoded ? Errc::kOk : decoded.error();
}

std::string decoded_text(std::string_view hex) {
  const auto decoded = decode(from_hex(hex));
  return decoded ? to_text(**decoded) : std::string(describe(decoded.error()));
}

/// The whole message that a writer holds.
Bytes joined(const Writer& out) {
  Bytes all;
  std::size_t at = 0;
  const auto copy_until = [&](std::size_t offset) {
    const ByteView part = out.copied().subspan(at, offset - at);
    all.insert(all.end(), part.begin(), part.end());
    at = offset;
  };
  for (const auto& borrowed : out.borrowed()) {
    copy_until(borrowed.offset);
    all.insert(all.end(), borrowed.bytes.begin(), borrowed.bytes.end());
  }
  copy_until(out.copied_size());
  return all;
}

Result<Bytes> encode(const Value& value, const BrineLimits& limits = kLimits) {
  ValueModel model;
  Writer out;
  SINEW_TRY(encode_brine(model, &value, out, limits));
  return joined(out);
}

std::string encoded_hex(const Value& value) {
  const auto encoded = encode(value);
  return encoded ? to_hex(*encoded) : std::string(describe(encoded.error()));
}

TEST(Brine, StockVectorsDecodeToTheirRepr) {
  const auto vectors = testdata::vectors();
  EXPECT_EQ(vectors.size(), 62u);
  for (const auto& vector : vectors) {
    const auto decoded = decode(vector.brine);
    ASSERT_TRUE(decoded) << vector.repr;
    if (vector.repr.contains("...<")) continue;
    EXPECT_EQ(to_text(**decoded), vector.repr);
  }
}

TEST(Brine, StockVectorsEncodeBackByteForByte) {
  for (const auto& vector : testdata::vectors()) {
    const auto decoded = decode(vector.brine);
    ASSERT_TRUE(decoded) << vector.repr;
    EXPECT_EQ(encoded_hex(**decoded), to_hex(vector.brine)) << vector.repr;
  }
}

TEST(Brine, EveryVectorCutShortIsTruncated) {
  for (const auto& vector : testdata::vectors()) {
    for (std::size_t size = 0; size < vector.brine.size(); ++size) {
      // A copy of exactly this size, so that a read beyond it is the sanitizer's.
      const Bytes cut(vector.brine.begin(), vector.brine.begin() + static_cast<long>(size));
      const auto decoded = decode(cut);
      ASSERT_FALSE(decoded) << vector.repr << " cut to " << size;
      EXPECT_EQ(decoded.error(), Errc::kTruncated) << vector.repr << " cut to " << size;
    }
  }
}

TEST(Brine, OverlongFormsDecodeAndEncodeShort) {
  EXPECT_EQ(decoded_text("0e0161"), "b'a'");
  EXPECT_EQ(decoded_text("0f0000000161"), "b'a'");
  EXPECT_EQ(decoded_text("080e00"), "''");
  EXPECT_EQ(decoded_text("140150"), "(0,)");
  EXPECT_EQ(decoded_text("1500000000"), "()");
  EXPECT_EQ(decoded_text("160135"), "5");
  EXPECT_EQ(decoded_text("1605"
                         "3030303035"),
            "5");
  EXPECT_EQ(decoded_text("0950"), "0");
  EXPECT_EQ(encoded_hex(**decode(from_hex("1103150000000250160135"))), "1103115055");
}

TEST(Brine, HostileEdgesFailByName) {
  EXPECT_EQ(decode_error("07"), Errc::kUnknownTag);
  EXPECT_EQ(decode_error("1c"), Errc::kUnknownTag);
  EXPECT_EQ(decode_error("1f"), Errc::kUnknownTag);
  EXPECT_EQ(decode_error("f0"), Errc::kUnknownTag);
  EXPECT_EQ(decode_error("ff"), Errc::kUnknownTag);
  EXPECT_EQ(decode_error("080aff"), Errc::kBadText);
  EXPECT_EQ(decode_error("0853"), Errc::kWrongType);
  EXPECT_EQ(decode_error("160161"), Errc::kBadInteger);
  EXPECT_EQ(decode_error("1600"), Errc::kBadInteger);
  EXPECT_EQ(decode_error("16022031"), Errc::kBadInteger);
  EXPECT_EQ(decode_error("1604315f3030"), Errc::kBadInteger);
  EXPECT_EQ(decode_error("1a50"), Errc::kWrongType);
  EXPECT_EQ(decode_error("19115050"), Errc::kWrongType);
  EXPECT_EQ(decode_error("1950"), Errc::kWrongType);
  EXPECT_EQ(decode_error("17ffffffff"), Errc::kTruncated);
}

TEST(Brine, WhatFollowsAValueIsLeftAlone) {
  const Bytes bytes = from_hex("1250515250");
  ValueModel model;
  Reader in(bytes);
  ASSERT_TRUE(decode_brine(model, in, kLimits));
  EXPECT_EQ(in.remaining(), 1u);
}

TEST(Brine, AnythingOpaqueIsNotDumpableWhereverItIs) {
  const Value opaque(Opaque{7, nullptr});
  const Value plain(1);
  for (const Value& value :
       {opaque, Value::tuple({1, "a", opaque}), Value::tuple({Value::tuple({opaque})}),
        Value::slice(opaque, plain, plain), Value::slice(plain, plain, opaque),
        Value::frozen_set({plain, opaque})}) {
    ValueModel model;
    EXPECT_FALSE(dumpable(model, &value, kLimits)) << to_text(value);
    const auto encoded = encode(value);
    ASSERT_FALSE(encoded) << to_text(value);
    EXPECT_EQ(encoded.error(), Errc::kNotDumpable);
  }
}

TEST(Brine, EveryOtherKindIsDumpable) {
  ValueModel model;
  for (const auto& vector : testdata::vectors()) {
    const auto decoded = decode(vector.brine);
    EXPECT_TRUE(dumpable(model, &**decoded, kLimits)) << vector.repr;
  }
}

TEST(Brine, AFailedEncodingIsUndoneByRewindingTheWriter) {
  ValueModel model;
  Writer out;
  out.put(0x55);
  const Value value = Value::tuple({Value(std::string(kBorrowThreshold, 'x')), Value(Opaque{})});
  const Writer::Mark mark = out.mark();
  EXPECT_FALSE(encode_brine(model, &value, out, kLimits));
  out.rewind(mark);
  EXPECT_EQ(out.total_size(), 1u);
  EXPECT_TRUE(out.borrowed().empty());
}

TEST(Brine, LargeTextAndBytesAreBorrowedAndOutliveTheirValue) {
  for (const std::size_t size : {kBorrowThreshold - 1, kBorrowThreshold, kBorrowThreshold + 1}) {
    ValueModel model;
    Writer out;
    const std::string content(size, 'x');
    {
      const Value value = Value::tuple({content, 1, Value::bytes(as_bytes(content)), 2});
      ASSERT_TRUE(encode_brine(model, &value, out, kLimits));
    }
    EXPECT_EQ(out.borrowed().size(), size < kBorrowThreshold ? 0u : 2u);
    const auto decoded = decode(joined(out));
    ASSERT_TRUE(decoded);
    EXPECT_EQ((*decoded)->items()[0].text(), content);
    EXPECT_EQ(as_text((*decoded)->items()[2].bytes()), content);
    EXPECT_EQ((*decoded)->items()[3], Value(2));
  }
}

TEST(Brine, TextThatIsNotUtf8IsNotSent) {
  const auto encoded = encode(Value("\xed\xa0\x80"));
  ASSERT_FALSE(encoded);
  EXPECT_EQ(encoded.error(), Errc::kBadText);
}

/// Makes nothing of one kind, as Python does when it is out of memory.
struct FailingModel : ValueModel {
  Handle make_integer(std::int64_t) { return {}; }
  Handle end_tuple(TupleBuilder&&) { return {}; }
};

TEST(Brine, AModelThatCannotMakeAValueFailsTheDecoding) {
  for (const char* hex : {"50", "02", "115050", "1912505152", "1a02", "1603313630"}) {
    const Bytes bytes = from_hex(hex);
    FailingModel model;
    Reader in(bytes);
    const auto decoded = decode_brine(model, in, kLimits);
    ASSERT_FALSE(decoded) << hex;
    EXPECT_EQ(decoded.error(), Errc::kModelFailed) << hex;
  }
}

}  // namespace
}  // namespace sinew::wire
