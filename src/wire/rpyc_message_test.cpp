#include "wire/rpyc_message.h"

#include <gtest/gtest.h>

#include <limits>

#include "wire/brine.h"
#include "wire/compress.h"
#include "wire/rpyc_frame.h"
#include "wire/testdata.h"
#include "wire/value.h"

namespace sinew::wire {
namespace {

using testdata::Bytes;
using testdata::from_hex;
using testdata::to_hex;

std::string header_hex(Family family, MessageKind kind, std::int64_t seq) {
  Writer out;
  begin_message(out, family, kind, seq);
  return to_hex(out.copied());
}

Errc error_of(std::string_view hex) {
  const Bytes payload = from_hex(hex);
  const auto message = parse_message(payload);
  return message ? Errc::kOk : message.error();
}

/// The message in a recorded frame: inflated, without the prefix of the thread-bound variant.
Bytes payload_of(const testdata::RecordedFrame& recorded) {
  const ByteView frame(recorded.frame);
  ByteView payload = frame.subspan(kFrameHeaderSize, frame.size() - kFrameHeaderSize - 1);
  if (frame[4] != 0) return *inflate(payload, 1 << 20);
  if (recorded.session.starts_with("t08")) payload = payload.subspan(16);
  return {payload.begin(), payload.end()};
}

TEST(RpycMessage, TheHeaderOfBothFamiliesIsAsStockWritesIt) {
  EXPECT_EQ(header_hex(Family::kC, MessageKind::kRequest, 0), "011150");
  EXPECT_EQ(header_hex(Family::kC, MessageKind::kException, 7), "031157");
  EXPECT_EQ(header_hex(Family::kB, MessageKind::kRequest, 0), "125150");
  EXPECT_EQ(header_hex(Family::kB, MessageKind::kReply, 160), "12521603313630");
}

TEST(RpycMessage, EveryHeaderIsReadBackAsWritten) {
  for (const Family family : {Family::kB, Family::kC}) {
    for (const int kind : {1, 2, 3}) {
      for (const std::int64_t seq :
           {std::int64_t{0}, std::int64_t{159}, std::int64_t{160}, std::int64_t{-1},
            std::int64_t{1'000'000'000'000}, std::numeric_limits<std::int64_t>::max()}) {
        Writer out;
        begin_message(out, family, static_cast<MessageKind>(kind), seq);
        write_none(out);
        const auto message = parse_message(out.copied());
        ASSERT_TRUE(message);
        EXPECT_EQ(message->family, family);
        EXPECT_EQ(static_cast<int>(message->kind), kind);
        EXPECT_EQ(message->seq, seq);
        EXPECT_EQ(to_hex(message->body), "00");
      }
    }
  }
}

TEST(RpycMessage, RecordedSessionsParseAndEncodeBackByteForByte) {
  const auto frames = testdata::frames();
  EXPECT_GT(frames.size(), 400u);
  for (const auto& recorded : frames) {
    const Bytes payload = payload_of(recorded);
    const auto message = parse_message(payload);
    if (recorded.summary.starts_with("7 ")) {  // a probe with an unknown kind
      EXPECT_EQ(message.error(), Errc::kUnknownMessage);
      continue;
    }
    ASSERT_TRUE(message) << recorded.session << " " << recorded.summary;
    EXPECT_EQ(message->family, recorded.session.starts_with("t11") ? Family::kB : Family::kC);

    ValueModel model;
    Reader in(message->body);
    const auto body = decode_brine(model, in, BrineLimits{});
    ASSERT_TRUE(body) << recorded.session << " " << recorded.summary;
    EXPECT_TRUE(in.empty());

    Writer out;
    begin_message(out, message->family, message->kind, message->seq);
    ASSERT_TRUE(encode_brine(model, &**body, out, BrineLimits{}));
    EXPECT_EQ(to_hex(out.copied()), to_hex(payload)) << recorded.summary;
  }
}

TEST(RpycMessage, OverlongHeadersAreRead) {
  EXPECT_EQ(error_of("0114025000"), Errc::kOk);
  EXPECT_EQ(error_of("011500000002160130"
                     "00"),
            Errc::kOk);
  EXPECT_EQ(error_of("1403515000"), Errc::kOk);
  EXPECT_EQ(error_of("1500000003"
                     "515000"),
            Errc::kOk);
}

TEST(RpycMessage, AHeaderCutShortIsTruncated) {
  for (const char* hex :
       {"", "01", "0111", "011150", "01111603", "01111603313630", "12", "1251", "125150"}) {
    EXPECT_EQ(error_of(hex), Errc::kTruncated) << hex;
  }
}

TEST(RpycMessage, UnknownKindsAreNamed) {
  EXPECT_EQ(error_of("00115000"), Errc::kUnknownMessage);
  EXPECT_EQ(error_of("05115000"), Errc::kUnknownMessage);
  EXPECT_EQ(error_of("12505000"), Errc::kUnknownMessage);
  EXPECT_EQ(error_of("12555000"), Errc::kUnknownMessage);
}

TEST(RpycMessage, AFirstByteOfNeitherFamilyIsAWrongFamily) {
  EXPECT_EQ(error_of("11515000"), Errc::kWrongFamily);
  EXPECT_EQ(error_of("474554202f"), Errc::kWrongFamily);  // "GET /"
  EXPECT_EQ(error_of("ffffffff"), Errc::kWrongFamily);
}

TEST(RpycMessage, AMalformedHeaderIsRefused) {
  EXPECT_EQ(error_of("0112505000"), Errc::kWrongType);
  EXPECT_EQ(error_of("0150"), Errc::kWrongType);
  EXPECT_EQ(error_of("01110300"), Errc::kWrongType);
  EXPECT_EQ(error_of("0111160161"
                     "00"),
            Errc::kBadInteger);
  EXPECT_EQ(error_of("011116143939393939393939393939393939393939393939"
                     "00"),
            Errc::kTooLong);
  EXPECT_EQ(error_of("14040000000000"), Errc::kWrongType);
}

}  // namespace
}  // namespace sinew::wire
