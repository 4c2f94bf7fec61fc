#include "wire/dump.h"

#include <gtest/gtest.h>

#include <random>

#include "wire/compress.h"
#include "wire/rpyc_frame.h"
#include "wire/testdata.h"

namespace sinew::wire {
namespace {

using testdata::Bytes;
using testdata::from_hex;

std::string dump(std::string_view payload_hex) { return dump_payload(from_hex(payload_hex)); }

Bytes frame_around(ByteView payload, bool compressed) {
  const Bytes sent = compressed ? deflate(payload) : Bytes(payload.begin(), payload.end());
  Writer out;
  out.put_be32(static_cast<std::uint32_t>(sent.size()));
  out.put(compressed ? 1 : 0);
  out.append(sent);
  out.put(kFlusher);
  return {out.copied().begin(), out.copied().end()};
}

TEST(DumpPayload, RecordedSessionsReadAsTheirSummaries) {
  for (const auto& recorded : testdata::frames()) {
    const ByteView frame(recorded.frame);
    Bytes payload(frame.begin() + kFrameHeaderSize, frame.end() - 1);
    if (frame[4] != 0) payload = *inflate(payload, 1 << 20);
    if (recorded.summary.starts_with("7 ")) continue;  // a probe with an unknown kind
    EXPECT_EQ(dump_payload(payload), recorded.summary) << recorded.session;
  }
}

TEST(DumpPayload, WhatIsWrongWithAPayloadIsSaid) {
  EXPECT_EQ(dump(""), "<no message, 0 bytes: the bytes end in the middle of a value>");
  EXPECT_EQ(dump("05115000"),
            "<no message, 4 bytes: " + std::string(describe(Errc::kUnknownMessage)) + ">");
  EXPECT_EQ(dump("01115011531151"),
            "REQUEST seq=0 <body is broken at offset 6: the bytes end in the middle of a value>");
  EXPECT_EQ(dump("02115011510750"), "REPLY seq=0 <body is broken at offset 6: " +
                                        std::string(describe(Errc::kUnknownTag)) + ">");
}

TEST(DumpPayload, BytesLeftOverAreCounted) {
  EXPECT_EQ(dump("02115011515000"), "REPLY seq=0 0 <1 bytes are left over>");
}

TEST(DumpPayload, BodiesOfAnotherShapePrintAsTheValueTheyAre) {
  EXPECT_EQ(dump("041151115057"), "EXTENSION number=1 (0, 7)");
  EXPECT_EQ(dump("01115000"), "REQUEST seq=0 None");
  EXPECT_EQ(dump("0111501164115101"), "REQUEST seq=0 INSTANCECHECKb''");
  EXPECT_EQ(dump("01115011b4115150"), "REQUEST seq=0 1000");
  EXPECT_EQ(dump("021150115553"), "REPLY seq=0 (5, 3)");
  EXPECT_EQ(dump("0211501154115050"), "REPLY seq=0 (4, (0, 0))");
  EXPECT_EQ(dump("02115011545250"), "REPLY seq=0 (4, 2) <1 bytes are left over>");
  EXPECT_EQ(dump("021150115412080a785152"), "REPLY seq=0 my<x cls=0x1 inst=0x2>");
}

TEST(DumpPayload, LongValuesAreShortenedAtACharacter) {
  Bytes payload = from_hex(
      "021150115108"
      "0f000001f4");
  for (int i = 0; i < 250; ++i) payload.insert(payload.end(), {0xc3, 0xa9});
  std::string expected = "REPLY seq=0 '";
  for (int i = 0; i < 199; ++i) expected += "\xc3\xa9";
  EXPECT_EQ(dump_payload(payload), expected + "...<252 chars>");
}

TEST(DescribePayload, SaysInPartsWhatTheLineSays) {
  const auto request = describe_payload(from_hex("01115011531151 02"), 200);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->family, Family::kC);
  EXPECT_EQ(request->kind, MessageKind::kRequest);
  EXPECT_EQ(request->seq, 0);
  EXPECT_EQ(request->handler, "GETROOT");
  EXPECT_EQ(request->body, "GETROOT()");
  EXPECT_TRUE(request->is_sound);
  EXPECT_FALSE(request->threads);
  const auto bound =
      describe_payload(from_hex("0000000000001234 0000000000000000 01115011531151 02"), 200);
  ASSERT_TRUE(bound && bound->threads);
  EXPECT_EQ(bound->threads->sender, 0x1234u);
  EXPECT_EQ(describe_payload(from_hex("1251 50 11531151 02"), 200)->family, Family::kB);
  EXPECT_FALSE(describe_payload(from_hex("02115011510750"), 200)->is_sound);
  EXPECT_EQ(describe_payload(from_hex("05115000"), 200).error(), Errc::kUnknownMessage);
}

TEST(DescribePayload, AllOfABodyIsEightValuesLongAtMost) {
  Bytes payload = from_hex("0211501152 14ff");  // a tuple of 255 boxes of 1
  for (int i = 0; i < 255; ++i) payload.insert(payload.end(), {0x11, 0x51, 0x51});
  const auto text = describe_payload(payload, 20);
  ASSERT_TRUE(text);
  EXPECT_TRUE(text->body.starts_with("(1, 1, ")) << text->body;
  EXPECT_TRUE(text->body.ends_with("...<765 chars>")) << text->body;
  EXPECT_EQ(text->body.find("..."), 160u);
}

TEST(DumpFrame, EveryTokenHasALine) {
  EXPECT_EQ(dump_frame(from_hex("0000000800011150115311510 20a")),
            R"(    0000  00 00 00 08 00 01 11 50 11 53 11 51 02 0a
      00 00 00 08              length=8
      00                       compressed=0
      01                       msg = REQUEST
      11                         tuple[2]
      50                           int imm 0
      11                           tuple[2]
      53                             int imm 3
      11                             tuple[2]
      51                               int imm 1
      02                               tuple ()
      0a                         flusher)");
}

TEST(DumpFrame, ACompressedFrameIsInflatedFirst) {
  const Bytes payload = from_hex("02115011510b6162");
  const std::string text = dump_frame(frame_around(payload, true));
  EXPECT_TRUE(text.contains("compressed=1 -> inflates to 8 bytes")) << text;
  EXPECT_TRUE(text.contains("bytes[2] b'ab'")) << text;
}

TEST(DumpFrame, WhatIsWrongWithAFrameIsSaid) {
  EXPECT_TRUE(dump_frame({}).contains("here are 0")) << dump_frame({});
  EXPECT_TRUE(dump_frame(from_hex("00000008")).contains("here are 4"));
  EXPECT_TRUE(dump_frame(from_hex("0000000800011150")).contains("flusher is missing"));
  EXPECT_TRUE(dump_frame(from_hex("000000040002115007"
                                  "0a"))
                  .contains("payload offset 4"));
  EXPECT_TRUE(dump_frame(from_hex("00000004010211500"
                                  "00a"))
                  .contains("zlib refuses"));
  EXPECT_TRUE(dump_frame(from_hex("0000000100510a0a")).contains("1 bytes behind the frame"));
}

TEST(DumpFrame, LongFramesAreShortened) {
  Bytes payload = from_hex("02115011511500002710");
  payload.resize(payload.size() + 10'000, 0x50);
  const std::string text = dump_frame(frame_around(payload, false));
  EXPECT_LT(text.size(), 10'000u);
  EXPECT_TRUE(text.contains("more bytes; last 16: 50 50")) << text;
  EXPECT_TRUE(text.contains("more tokens")) << text;
}

TEST(Dump, NoBytesMakeItFail) {
  std::minstd_rand random(1);
  const auto frames = testdata::frames();
  for (int i = 0; i < 5000; ++i) {
    Bytes bytes = frames[random() % frames.size()].frame;
    for (int flips = 0; flips < 3; ++flips) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    bytes.resize(1 + random() % bytes.size());
    EXPECT_FALSE(dump_frame(bytes).empty());
    EXPECT_FALSE(dump_payload(bytes).empty());
  }
}

}  // namespace
}  // namespace sinew::wire
