#include "trace/exchange.h"

#include <gtest/gtest.h>

#include "wire/compress.h"
#include "wire/testdata.h"

namespace sinew::trace {
namespace {

using namespace std::chrono_literals;
using wire::testdata::Bytes;
using wire::testdata::from_hex;

const WallTime kStart(1'700'000'000s);
const Bytes kRequest = from_hex("000000080001115011531151020a");  // seq 0 GETROOT()
const Bytes kReply = from_hex("000000070002115011511152 0a");     // seq 0: 2

Piece frame(const Bytes& bytes) {
  return {.kind = Piece::Kind::kFrame, .size = bytes.size(), .bytes = bytes, .why = {}};
}

TEST(Exchange, AnAnswerTellsHowLongItsRequestTook) {
  Statistics statistics;
  Exchange exchange(1, 200, statistics);
  const Event asked = exchange.read(Side::kClient, frame(kRequest), kStart);
  EXPECT_EQ(asked.text, "GETROOT()");
  EXPECT_EQ(asked.message->seq, 0);
  EXPECT_FALSE(asked.took);
  const Event answer = exchange.read(Side::kServer, frame(kReply), kStart + 120us);
  EXPECT_EQ(answer.took, 120us);
  EXPECT_EQ(answer.answers, "GETROOT");
  EXPECT_FALSE(exchange.read(Side::kServer, frame(kReply), kStart + 130us).took) << "only once";
  EXPECT_EQ(statistics.calls.at("GETROOT").answered, 1u);
  EXPECT_EQ(statistics.calls.at("GETROOT").longest, 120us);
  EXPECT_EQ(statistics.from_client.messages, 1u);
  EXPECT_EQ(statistics.from_server.bytes, 2 * kReply.size());
}

TEST(Exchange, NumbersOfTheTwoSidesAreDifferentOnes) {
  Statistics statistics;
  Exchange exchange(1, 200, statistics);
  exchange.read(Side::kClient, frame(kRequest), kStart);
  EXPECT_FALSE(exchange.read(Side::kClient, frame(kReply), kStart + 1ms).took)
      << "an answer of the client's is to a request of the server's";
  EXPECT_EQ(exchange.read(Side::kServer, frame(kReply), kStart + 2ms).took, 2ms);
}

TEST(Exchange, ReadsAllThatStockPeersHaveSaid) {
  Statistics statistics;
  Exchange exchange(1, 200, statistics);
  for (const auto& recorded : wire::testdata::frames()) {
    const Event event = exchange.read(Side::kClient, frame(recorded.frame), kStart);
    if (!event.message) {  // what extensions were probed with
      EXPECT_EQ(recorded.session, "t14-extension-probes") << event.text;
      EXPECT_TRUE(event.text.ends_with(">")) << "the bytes, and why";
    }
  }
  EXPECT_GT(statistics.calls.at("CALL").count, 0u);
}

TEST(Exchange, InflatesWhatIsCompressed) {
  Statistics statistics;
  Exchange exchange(1, 200, statistics);
  const Bytes plain(kRequest.begin() + 5, kRequest.end() - 1);
  const Bytes packed = wire::deflate(plain);
  Bytes bytes{0, 0, 0, static_cast<std::uint8_t>(packed.size()), 1};
  bytes.insert(bytes.end(), packed.begin(), packed.end());
  bytes.push_back('\n');
  const Event event = exchange.read(Side::kClient, frame(bytes), kStart);
  EXPECT_TRUE(event.is_compressed);
  EXPECT_EQ(event.text, "GETROOT()");
  bytes[8] ^= 0x55;
  const Event broken = exchange.read(Side::kClient, frame(bytes), kStart);
  EXPECT_FALSE(broken.message);
  EXPECT_NE(broken.text.find('<'), std::string::npos) << broken.text;
}

TEST(Exchange, ValuesAreShortenedAndBytesThatSayNothingAreHex) {
  Statistics statistics;
  Exchange exchange(1, 10, statistics);
  // REPLY seq 0, (VALUE, bytes), whose length is a byte behind the tag.
  Bytes bytes = from_hex("000000000002115011510e7e");
  bytes.insert(bytes.end(), 126, 'x');
  bytes[3] = static_cast<std::uint8_t>(bytes.size() - 5);
  bytes.push_back('\n');
  const Event event = exchange.read(Side::kServer, frame(bytes), kStart);
  EXPECT_EQ(event.text, "b'xxxxxxxx...<129 chars>");
  const Event raw = exchange.read(
      Side::kServer,
      {.kind = Piece::Kind::kRaw, .size = 3, .bytes = from_hex("16 03 01"), .why = "it is TLS"},
      kStart);
  EXPECT_EQ(raw.text, "16 03 01 <it is TLS>");
}

TEST(Exchange, HandlersThatAPeerMakesUpAreBounded) {
  Statistics statistics;
  Exchange exchange(1, 200, statistics);
  for (int i = 0; i < 1000; ++i) {
    Bytes bytes = kRequest;
    bytes.erase(bytes.begin() + 9);  // the handler: an immediate becomes an integer of one byte
    bytes.insert(bytes.begin() + 9, {0x16, 3, static_cast<std::uint8_t>('1' + i / 100 % 9),
                                     static_cast<std::uint8_t>('0' + i / 10 % 10),
                                     static_cast<std::uint8_t>('0' + i % 10)});
    bytes[3] = static_cast<std::uint8_t>(bytes.size() - 6);
    exchange.read(Side::kClient, frame(bytes), kStart);
  }
  EXPECT_LE(statistics.calls.size(), Statistics::kMostHandlers + 1);
  EXPECT_GT(statistics.calls.at("other").count, 0u);
}

}  // namespace
}  // namespace sinew::trace
