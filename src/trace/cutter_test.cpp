#include "trace/cutter.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/testdata.h"

namespace sinew::trace {
namespace {

using wire::testdata::Bytes;
using wire::testdata::from_hex;

// What a cutter finds in bytes that come in steps of `step`.
std::vector<Piece> cut(Side side, ByteView bytes, std::size_t step = 1,
                       std::size_t most_kept = 1 << 20) {
  Cutter cutter(side, most_kept);
  std::vector<Piece> found;
  const auto add = [&](Piece&& piece) { found.push_back(std::move(piece)); };
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    cutter.feed(bytes.subspan(at, std::min(step, bytes.size() - at)), add);
  }
  cutter.end(add);
  return found;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes text(std::string_view of) { return {of.begin(), of.end()}; }

const Bytes kFrame = from_hex("000000080001115011531151020a");

TEST(Cutter, FindsTheFramesOfRecordedSessionsHoweverTheyCome) {
  Bytes all;
  std::vector<Bytes> frames;
  for (const auto& recorded : wire::testdata::frames()) {
    all.insert(all.end(), recorded.frame.begin(), recorded.frame.end());
    frames.push_back(recorded.frame);
  }
  ASSERT_GT(frames.size(), 100u);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, all.size()}) {
    const auto pieces = cut(Side::kServer, all, step);
    ASSERT_EQ(pieces.size(), frames.size()) << "in steps of " << step;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      EXPECT_EQ(pieces[i].kind, Piece::Kind::kFrame);
      EXPECT_EQ(pieces[i].bytes, frames[i]);
      EXPECT_EQ(pieces[i].size, frames[i].size());
    }
  }
}

TEST(Cutter, OfALongFrameOnlyTheBeginningIsKept) {
  Bytes longer = kFrame;
  longer.insert(longer.end() - 1, 100'000, 0);
  longer[1] = 1;
  longer[2] = 0x86;
  longer[3] = 0xa8;  // 100,008
  for (const std::size_t step : {std::size_t{1000}, longer.size() + kFrame.size()}) {
    const auto pieces = cut(Side::kClient, joined({longer, kFrame}), step, 1000);
    ASSERT_EQ(pieces.size(), 2u);
    EXPECT_EQ(pieces[0].kind, Piece::Kind::kTooLong);
    EXPECT_EQ(pieces[0].size, longer.size());
    EXPECT_LE(pieces[0].bytes.size(), 1000u);
    EXPECT_EQ(pieces[1].bytes, kFrame);
  }
}

TEST(Cutter, WhatIsNoFrameIsRawAndStaysSo) {
  const std::pair<Bytes, std::string_view> cases[] = {
      {from_hex("16030102000100 01fc0303"), "a payload is no message of RPyC's"},  // TLS
      {text("GET / HTTP/1.1\r\n"), "the flag for compression is neither 0 nor 1"},
      {from_hex("0000000000 0a"), "a frame is empty"},
      {from_hex("0000000600 071151115100 0a"), "a payload is no message of RPyC's"},
      {from_hex("0000000801 0102030405060708 0a"), "a compressed payload is no zlib stream"},
  };
  for (const auto& [bytes, why] : cases) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
      const auto pieces = cut(Side::kClient, joined({bytes, kFrame}), step);
      std::size_t size = 0;
      for (const Piece& piece : pieces) {
        EXPECT_EQ(piece.kind, Piece::Kind::kRaw);
        size += piece.size;
      }
      ASSERT_FALSE(pieces.empty());
      EXPECT_EQ(pieces[0].why, why);
      EXPECT_EQ(size, bytes.size() + kFrame.size()) << "all bytes are counted";
    }
  }
}

TEST(Cutter, AMessageOfAnUnknownKindAmongOthersIsAFrame) {
  const auto pieces =
      cut(Side::kClient, joined({kFrame, from_hex("0000000600 071151115100 0a"), kFrame}));
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[1].kind, Piece::Kind::kFrame);
  EXPECT_EQ(pieces[2].bytes, kFrame);
}

TEST(Cutter, KnowsTheHandshakeWithTokens) {
  Bytes hello = joined({from_hex("0000002d00"), text("SINEW-TOKEN 1"), Bytes(32, 7), text("\n")});
  const Bytes answer = joined({text("SINEW-TOKEN 1"), Bytes(32, 0), text("\n")});
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
    auto pieces = cut(Side::kClient, joined({hello, Bytes(32, 1), kFrame}), step);
    ASSERT_EQ(pieces.size(), 3u);
    EXPECT_EQ(pieces[0].why, "hello");
    EXPECT_EQ(pieces[1].why, "proof");
    EXPECT_EQ(pieces[1].kind, Piece::Kind::kToken);
    EXPECT_EQ(pieces[2].bytes, kFrame);
    pieces = cut(Side::kServer, joined({answer, answer, kFrame}), step);
    ASSERT_EQ(pieces.size(), 3u);
    EXPECT_EQ(pieces[0].why, "challenge");
    EXPECT_EQ(pieces[1].why, "proof");
    EXPECT_EQ(pieces[2].bytes, kFrame);
    pieces = cut(Side::kServer, text("SINEW-REFUSED a wrong proof\n"), step);
    ASSERT_EQ(pieces.size(), 1u);
    EXPECT_EQ(pieces[0].why, "refusal");
  }
}

TEST(Cutter, WhatIsLeftAtTheEndIsTold) {
  const auto pieces = cut(Side::kClient, ByteView(kFrame).first(9));
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].kind, Piece::Kind::kRest);
  EXPECT_EQ(pieces[0].size, 9u);
  EXPECT_TRUE(cut(Side::kClient, {}).empty());
}

}  // namespace
}  // namespace sinew::trace
