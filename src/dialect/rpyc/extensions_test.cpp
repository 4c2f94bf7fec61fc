#include "dialect/rpyc/extensions.h"

#include <gtest/gtest.h>

#include <string>

#include "dialect/rpyc/rpyc_session.h"
#include "wire/brine_tokens.h"
#include "wire/rpyc_frame.h"

namespace sinew::dialect::rpyc {
namespace {

using rpc::Incoming;
using wire::Family;

constexpr std::int64_t kSeq = 3;

ExtensionSet only(Extension extension, std::uint8_t version = 1) {
  ExtensionSet set;
  set.set(extension, version);
  return set;
}

/// A session that offers and accepts `extensions`.
std::unique_ptr<RpycSession> session_with(const ExtensionSet& extensions) {
  SessionOptions options;
  options.extensions = extensions;
  return std::make_unique<RpycSession>(options);
}

Result<Incoming> receive(RpycSession& session, std::string_view frame) {
  return session.open(Slice::copy_of(as_bytes(frame)));
}
Result<Incoming> receive(RpycSession& session, const Writer& frame) {
  return receive(session, as_text(frame.copied()));
}

std::string hex(const Writer& out) {
  std::string text;
  for (const std::uint8_t byte : out.copied()) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

/// A frame with a message whose body is made by `write_body`.
template <class WriteBody>
std::string message(wire::MessageKind kind, std::int64_t seq, WriteBody write_body) {
  Writer out;
  const std::size_t start = wire::begin_frame(out);
  wire::begin_message(out, Family::kC, kind, seq);
  write_body(out);
  EXPECT_TRUE(wire::end_frame(out, start));
  return std::string(as_text(out.copied()));
}

/// What `client` offers and `server` accepts; both have agreed then.
void negotiate(RpycSession& client, RpycSession& server) {
  Writer offer;
  client.write_offer(offer, kSeq);
  const auto control = receive(server, offer);
  ASSERT_TRUE(control);
  ASSERT_EQ(control->kind, Incoming::Kind::kControl);
  const auto done = client.open(control->body);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->kind, Incoming::Kind::kControl);
}

TEST(Extensions, TheOfferIsThePingOfTheDocument) {
  Writer out;
  write_offer(out, Family::kC, 1, ExtensionSet::all());
  EXPECT_EQ(hex(out), std::string("0000002200") +                  // a frame of 34 bytes
                          "011151" +                               // REQUEST (1,
                          "1151" +                                 //   (PING,
                          "115110" +                               //     (VALUE, (
                          "0e18" + "9353494e45573f" +              //       93 'SINEW?'
                          "1405" + "115151" + "115251" +           //       ((1, 1), (2, 1),
                          "115351" + "115451" + "115551" + "0a");  //    (3, 1), (4, 1), (5, 1))
}

TEST(Extensions, BothSidesAgreeOnWhatBothHave) {
  for (const Extension extension : {Extension::kHeartbeat, Extension::kRelease}) {
    const auto client = session_with(only(extension));
    const auto server = session_with(ExtensionSet::all());
    negotiate(*client, *server);
    for (const ExtensionInfo& info : kExtensions) {
      EXPECT_EQ(client->agrees_on(info.number), info.number == extension);
      EXPECT_EQ(server->agrees_on(info.number), info.number == extension);
    }
  }
}

TEST(Extensions, NothingIsOfferedTwiceOrWhenThereIsNothing) {
  Writer out;
  session_with({})->write_offer(out, kSeq);
  EXPECT_EQ(out.total_size(), 0u);
  const auto session = session_with(ExtensionSet::all());
  session->write_offer(out, kSeq);
  const std::size_t once = out.total_size();
  session->write_offer(out, kSeq + 1);
  EXPECT_EQ(out.total_size(), once);
}

TEST(Extensions, AnEchoMeansThatThePeerHasNone) {
  const auto client = session_with(ExtensionSet::all());
  Writer offer;
  client->write_offer(offer, kSeq);
  // What a stock peer does: it sends the argument back.
  const std::string echo = message(wire::MessageKind::kReply, kSeq, [&](Writer& out) {
    wire::write_tuple_header(out, 2);
    wire::write_int(out, 1);
    constexpr std::size_t kInFrontOfTheData = 5 + 3 + 2 + 3;
    const ByteView data = offer.copied().subspan(kInFrontOfTheData);
    out.append(data.first(data.size() - wire::kFlusherSize));
  });
  const auto control = receive(*client, echo);
  ASSERT_TRUE(control);
  EXPECT_EQ(control->kind, Incoming::Kind::kControl);
  EXPECT_FALSE(client->agrees_on(Extension::kHeartbeat));
}

TEST(Extensions, ARefusalMeansTheSame) {
  const auto client = session_with(ExtensionSet::all());
  Writer offer;
  client->write_offer(offer, kSeq);
  const auto refusal = message(wire::MessageKind::kException, kSeq,
                               [](Writer& out) { wire::write_text(out, "no"); });
  const auto control = receive(*client, refusal);
  ASSERT_TRUE(control);
  EXPECT_EQ(control->kind, Incoming::Kind::kControl);
  EXPECT_FALSE(client->agrees_on(Extension::kRelease));
}

TEST(Extensions, AServerWithoutAnyTreatsTheOfferAsThePingItIs) {
  const auto server = session_with({});
  Writer offer;
  write_offer(offer, Family::kC, kSeq, ExtensionSet::all());
  const auto incoming = receive(*server, offer);
  ASSERT_TRUE(incoming);
  EXPECT_EQ(incoming->kind, Incoming::Kind::kRequest);
}

TEST(Extensions, OtherPingsAreRequests) {
  const auto server = session_with(ExtensionSet::all());
  for (const std::string_view data : {"", "x", "\x93SINEW"}) {
    const auto ping = message(wire::MessageKind::kRequest, kSeq, [&](Writer& out) {
      wire::write_tuple_header(out, 2);
      wire::write_int(out, 1);
      wire::write_tuple_header(out, 2);
      wire::write_int(out, 1);
      wire::write_tuple_header(out, 1);
      wire::write_bytes(out, as_bytes(data));
    });
    EXPECT_EQ(receive(*server, ping)->kind, Incoming::Kind::kRequest);
  }
}

// Liars.

TEST(Extensions, AnAnswerBeyondTheOfferIsAnError) {
  const auto client = session_with(only(Extension::kHeartbeat));
  Writer offer;
  client->write_offer(offer, kSeq);
  Writer answer;
  write_acceptance(answer, Family::kC, kSeq, only(Extension::kRelease));
  EXPECT_EQ(receive(*client, answer).error(), Errc::kBadExtension);
}

TEST(Extensions, ANewerVersionThanOfferedIsAnError) {
  const auto client = session_with(only(Extension::kHeartbeat));
  Writer offer;
  client->write_offer(offer, kSeq);
  Writer answer;
  write_acceptance(answer, Family::kC, kSeq, only(Extension::kHeartbeat, 2));
  EXPECT_EQ(receive(*client, answer).error(), Errc::kBadExtension);
}

TEST(Extensions, ASecondOfferIsAnError) {
  const auto server = session_with(ExtensionSet::all());
  Writer offer;
  write_offer(offer, Family::kC, kSeq, ExtensionSet::all());
  ASSERT_TRUE(receive(*server, offer));
  EXPECT_EQ(receive(*server, offer).error(), Errc::kBadExtension);
}

TEST(Extensions, AMessageWithoutAgreementIsAnError) {
  const auto server = session_with(ExtensionSet::all());
  for (const std::int64_t number : {0, 1, 2, 3, 1000}) {
    const auto unasked = message(wire::MessageKind::kExtension, number,
                                 [](Writer& out) { wire::write_tuple_header(out, 0); });
    EXPECT_EQ(receive(*server, unasked).error(), Errc::kBadExtension) << number;
  }
}

// Heartbeats.

TEST(Extensions, WhoAgreesTellsHowOftenItWantsASign) {
  SessionOptions options;
  options.heartbeat = std::chrono::seconds(5);
  RpycSession client(options);
  options.heartbeat = Duration::zero();
  RpycSession server(options);
  negotiate(client, server);
  EXPECT_TRUE(client.signs().promised);
  EXPECT_FALSE(server.signs().promised) << "it has no wish of its own";
  Writer wish;
  write_heartbeat(wish, Family::kC, {.is_wish = true, .every = std::chrono::seconds(5)});
  ASSERT_TRUE(receive(server, wish));
  EXPECT_EQ(server.signs().wanted_every, std::chrono::seconds(5));
}

TEST(Extensions, ASignOfLifeIsNeitherServedNorAnswered) {
  const auto client = session_with(ExtensionSet::all());
  const auto server = session_with(ExtensionSet::all());
  negotiate(*client, *server);
  Writer sign;
  client->write_sign(sign);
  const auto heard = receive(*server, sign);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->kind, Incoming::Kind::kControl);
  EXPECT_TRUE(heard->body.empty());
}

TEST(Extensions, OnlySignsOfLifeCountAsSuch) {
  const auto client = session_with(ExtensionSet::all());
  const auto server = session_with(ExtensionSet::all());
  negotiate(*client, *server);
  Writer bytes;
  client->write_sign(bytes);
  client->write_sign(bytes);
  const std::size_t signs = bytes.copied_size();
  EXPECT_EQ(server->leading_signs(bytes.copied()), signs);
  EXPECT_EQ(server->leading_signs(bytes.copied().first(signs - 1)), signs / 2) << "incomplete";
  client->write_probe(bytes, kSeq);
  EXPECT_EQ(server->leading_signs(bytes.copied()), signs) << "a request stays";
  Writer wish;
  write_heartbeat(wish, Family::kC, {.is_wish = true, .every = std::chrono::seconds(1)});
  EXPECT_EQ(server->leading_signs(wish.copied()), 0U);
}

TEST(Extensions, AProbeIsAPingThatAnyPeerAnswers) {
  const auto client = session_with(ExtensionSet::all());
  const auto server = session_with(ExtensionSet::all());
  Writer probe;
  client->write_probe(probe, kSeq);
  const auto request = receive(*server, probe);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, Incoming::Kind::kRequest);
  EXPECT_EQ(request->seq, kSeq);
}

TEST(Extensions, AHeartbeatThatIsNoneIsAnError) {
  const auto client = session_with(ExtensionSet::all());
  const auto server = session_with(ExtensionSet::all());
  negotiate(*client, *server);
  const auto bad = message(wire::MessageKind::kExtension, 1, [](Writer& out) {
    wire::write_tuple_header(out, 2);
    wire::write_int(out, 7);
    wire::write_int(out, 0);
  });
  EXPECT_EQ(receive(*server, bad).error(), Errc::kBadExtension);
}

// About requests.

std::string request(std::int64_t seq) {
  return message(wire::MessageKind::kRequest, seq, [](Writer& out) {
    wire::write_tuple_header(out, 2);
    wire::write_int(out, 3);  // GETROOT
    wire::write_tuple_header(out, 0);
  });
}

struct AboutRequests : ::testing::Test {
  AboutRequests() { negotiate(*client, *server); }
  Result<Incoming> after(const std::function<void(Writer&)>& prelude, std::int64_t seq) {
    Writer out;
    prelude(out);
    const auto control = receive(*server, out);
    if (!control) return control;
    EXPECT_EQ(control->kind, Incoming::Kind::kControl);
    return receive(*server, request(seq));
  }

  std::unique_ptr<RpycSession> client = session_with(ExtensionSet::all());
  std::unique_ptr<RpycSession> server = session_with(ExtensionSet::all());
};

TEST_F(AboutRequests, ADeadlineIsThatOfTheRequestBehindIt) {
  const auto incoming =
      after([](Writer& out) { write_deadline(out, Family::kC, 5, std::chrono::seconds(3)); }, 5);
  ASSERT_TRUE(incoming);
  EXPECT_EQ(incoming->kind, Incoming::Kind::kRequest);
  EXPECT_GT(incoming->deadline.remaining(), std::chrono::seconds(2));
  EXPECT_LE(incoming->deadline.remaining(), std::chrono::seconds(3));
  EXPECT_EQ(incoming->on_behalf_of, Incoming::kNobody);
  const auto next = receive(*server, request(6));
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->deadline.is_never()) << "and of no other";
}

TEST_F(AboutRequests, ARequestTellsForWhichQuestionItIsMade) {
  const auto incoming = after([](Writer& out) { write_affinity(out, Family::kC, 5, 77); }, 5);
  ASSERT_TRUE(incoming);
  EXPECT_EQ(incoming->on_behalf_of, 77);
  EXPECT_TRUE(incoming->deadline.is_never());
}

TEST_F(AboutRequests, WhatIsSaidAboutAnotherRequestIsAnError) {
  const auto incoming = after([](Writer& out) { write_affinity(out, Family::kC, 5, 77); }, 6);
  EXPECT_EQ(incoming.error(), Errc::kBadExtension);
}

TEST_F(AboutRequests, ACancellationNamesItsRequest) {
  Writer out;
  write_cancel(out, Family::kC, 4711);
  const auto incoming = receive(*server, out);
  ASSERT_TRUE(incoming);
  EXPECT_EQ(incoming->kind, Incoming::Kind::kCancel);
  EXPECT_EQ(incoming->seq, 4711);
}

TEST_F(AboutRequests, CancellationsAreFoundAmongWhatWaits) {
  Writer out;
  out.append(as_bytes(request(1)));
  write_cancel(out, Family::kC, 1);
  out.append(as_bytes(request(2)));
  write_cancel(out, Family::kC, 2);
  std::vector<std::int64_t> found;
  const auto note = [&](std::int64_t seq) { found.push_back(seq); };
  server->find_cancels(out.copied().first(out.copied_size() - 1), note);
  EXPECT_EQ(found, std::vector<std::int64_t>{1}) << "the last is incomplete";
  session_with({})->find_cancels(out.copied(), note);
  EXPECT_EQ(found.size(), 1U) << "nothing was agreed on";
}

}  // namespace
}  // namespace sinew::dialect::rpyc
