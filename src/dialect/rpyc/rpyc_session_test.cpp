#include "dialect/rpyc/rpyc_session.h"

#include <gtest/gtest.h>

#include <string>

#include "dialect/rpyc/thread_binding.h"
#include "wire/brine_tokens.h"
#include "wire/compress.h"
#include "wire/rpyc_frame.h"

namespace sinew::dialect::rpyc {
namespace {

TEST(RpycSession, APeerThatSpeaksTlsIsRecognised) {
  const std::uint8_t hello[] = {22, 3, 1, 2, 0};
  const std::uint8_t alert[] = {21, 3, 3, 0, 2};
  const std::uint8_t frame[] = {22, 4, 1, 2, 0};  // a large one, and no more
  EXPECT_EQ(RpycSession({}).frame_size(hello).error(), Errc::kSpeaksTls);
  EXPECT_EQ(RpycSession({}).frame_size(alert).error(), Errc::kSpeaksTls);
  EXPECT_TRUE(RpycSession({}).frame_size(frame));
}

using Family = SessionOptions::Family;
using rpc::Incoming;

TEST(RpycSession, AServerThatWantsATokenIsRecognised) {
  RpycSession session({});
  EXPECT_EQ(session.frame_size(as_bytes("SINEW-REFUSED")).error(), Errc::kBadFrame);
  EXPECT_NE(session.explain(Errc::kBadFrame).find("token=..."), std::string_view::npos);
}

// A message whose body is the brine of a text.
std::string message(wire::Family family, wire::MessageKind kind, std::int64_t seq,
                    std::string_view text) {
  Writer out;
  wire::begin_message(out, family, kind, seq);
  wire::write_text(out, text);
  return std::string(as_text(out.copied()));
}

std::string frame(std::string_view payload, bool compressed = false) {
  std::string bytes(5, '\0');
  store_be32(reinterpret_cast<std::uint8_t*>(bytes.data()),
             static_cast<std::uint32_t>(payload.size()));
  bytes[4] = compressed ? '\1' : '\0';
  return bytes.append(payload) + '\n';
}

SessionOptions speaking(Family family) { return {.wire_family = family}; }

class RpycSessionTest : public ::testing::Test {
 protected:
  Result<Incoming> receive(RpycSession& session, std::string_view bytes) {
    const auto size = session.frame_size(as_bytes(bytes));
    if (!size) return fail(size.error());
    EXPECT_EQ(*size, bytes.size());
    return session.open(Slice::copy_of(as_bytes(bytes)));
  }
  Result<Incoming> receive(RpycSession& session, wire::Family family,
                           wire::MessageKind kind = wire::MessageKind::kRequest) {
    return receive(session, frame(message(family, kind, 5, "body")));
  }
};

TEST_F(RpycSessionTest, AClientThatOffersATokenIsRecognised) {
  RpycSession session({});
  EXPECT_EQ(receive(session, frame("SINEW-TOKEN 1" + std::string(32, '\x7f'))).error(),
            Errc::kBadFrame);
  EXPECT_NE(session.explain(Errc::kBadFrame).find("token=False"), std::string_view::npos);
}

TEST_F(RpycSessionTest, TheFirstMessageHasALimitOfItsOwn) {
  const auto large =
      frame(message(wire::Family::kC, wire::MessageKind::kRequest, 5, std::string(300, 'x')));
  const auto small = frame(message(wire::Family::kC, wire::MessageKind::kRequest, 5, "x"));
  RpycSession session({.max_first_frame_size = 100});
  EXPECT_EQ(receive(session, large).error(), Errc::kFrameTooLarge);
  EXPECT_NE(session.explain(Errc::kFrameTooLarge).find("max_first_frame_size"),
            std::string_view::npos);
  EXPECT_TRUE(receive(session, small));
  EXPECT_TRUE(receive(session, large));
}

TEST_F(RpycSessionTest, TheFirstMessageInflatesToItsOwnLimit) {
  const std::string inner =
      message(wire::Family::kC, wire::MessageKind::kRequest, 5, std::string(3000, 'x'));
  const auto deflated = wire::deflate(as_bytes(inner));
  const auto bomb = frame(as_text(deflated), /*compressed=*/true);
  RpycSession session({.max_first_frame_size = 2000});
  EXPECT_EQ(receive(session, bomb).error(), Errc::kInflateTooLarge);
  EXPECT_TRUE(
      receive(session, frame(message(wire::Family::kC, wire::MessageKind::kRequest, 5, "x"))));
  EXPECT_TRUE(receive(session, bomb));
}

TEST_F(RpycSessionTest, AMessageIsReadInBothFamilies) {
  for (const auto family : {wire::Family::kB, wire::Family::kC}) {
    RpycSession session(speaking(family == wire::Family::kB ? Family::kB : Family::kC));
    const std::string bytes = frame(message(family, wire::MessageKind::kReply, 1234567, "body"));
    const auto incoming = receive(session, bytes);
    ASSERT_TRUE(incoming);
    EXPECT_EQ(incoming->kind, Incoming::Kind::kReply);
    EXPECT_EQ(incoming->seq, 1234567);
    EXPECT_NE(as_text(incoming->body.bytes()).find("body"), std::string_view::npos);
  }
}

TEST_F(RpycSessionTest, TheThreeKindsAreToldApart) {
  RpycSession session(speaking(Family::kC));
  EXPECT_EQ(receive(session, wire::Family::kC, wire::MessageKind::kRequest)->kind,
            Incoming::Kind::kRequest);
  EXPECT_EQ(receive(session, wire::Family::kC, wire::MessageKind::kReply)->kind,
            Incoming::Kind::kReply);
  EXPECT_EQ(receive(session, wire::Family::kC, wire::MessageKind::kException)->kind,
            Incoming::Kind::kException);
}

TEST_F(RpycSessionTest, AFrameNeedsItsHeader) {
  RpycSession session(speaking(Family::kC));
  const std::string bytes = frame(message(wire::Family::kC, wire::MessageKind::kReply, 1, "x"));
  for (std::size_t size = 0; size < session.header_size(); ++size) {
    EXPECT_EQ(session.frame_size(as_bytes(bytes.substr(0, size))), 0u);
  }
  EXPECT_EQ(session.frame_size(as_bytes(bytes.substr(0, session.header_size()))), bytes.size());
}

TEST_F(RpycSessionTest, ASideThatWasNotToldSpeaksCUntilItHearsB) {
  RpycSession session(speaking(Family::kAuto));
  EXPECT_EQ(session.family(), wire::Family::kC);
  EXPECT_TRUE(receive(session, wire::Family::kB));
  EXPECT_EQ(session.family(), wire::Family::kB);
  EXPECT_TRUE(receive(session, wire::Family::kB));
}

TEST_F(RpycSessionTest, TheFamilyCannotChangeAfterTheFirstFrame) {
  RpycSession session(speaking(Family::kAuto));
  EXPECT_TRUE(receive(session, wire::Family::kC));
  EXPECT_EQ(receive(session, wire::Family::kB).error(), Errc::kWrongFamily);
  EXPECT_EQ(session.family(), wire::Family::kC);
}

TEST_F(RpycSessionTest, AFamilyThatWasAskedForIsInsistedOnAndTheErrorSaysWhatToDo) {
  RpycSession speaks_c(speaking(Family::kC));
  EXPECT_EQ(receive(speaks_c, wire::Family::kB).error(), Errc::kWrongFamily);
  EXPECT_NE(speaks_c.explain(Errc::kWrongFamily).find("wire_family 'B'"), std::string_view::npos);
  RpycSession speaks_b(speaking(Family::kB));
  EXPECT_EQ(receive(speaks_b, wire::Family::kC).error(), Errc::kWrongFamily);
  EXPECT_NE(speaks_b.explain(Errc::kWrongFamily).find("wire_family 'C'"), std::string_view::npos);
}

TEST_F(RpycSessionTest, AnEndWithoutAWordHintsAtTheOtherFamily) {
  RpycSession session(speaking(Family::kC));
  EXPECT_NE(session.explain(Errc::kEndOfStream).find("wire_family 'B'"), std::string_view::npos);
  ASSERT_TRUE(receive(session, wire::Family::kC));
  EXPECT_EQ(session.explain(Errc::kEndOfStream), "") << "they understood each other before";
  EXPECT_EQ(session.explain(Errc::kTimedOut), "");
}

TEST_F(RpycSessionTest, ACompressedFrameIsInflated) {
  RpycSession session(speaking(Family::kC));
  const std::string large(10000, 'z');
  const auto packed =
      wire::deflate(as_bytes(message(wire::Family::kC, wire::MessageKind::kReply, 9, large)));
  ASSERT_LT(packed.size(), 1000u);
  const auto incoming = receive(session, frame(as_text(packed), true));
  ASSERT_TRUE(incoming);
  EXPECT_EQ(incoming->seq, 9);
  EXPECT_NE(as_text(incoming->body.bytes()).find(large), std::string_view::npos);
}

TEST_F(RpycSessionTest, AFrameBeyondTheLimitIsRefusedFromItsHeader) {
  RpycSession session({.max_frame_size = 100});
  EXPECT_EQ(session.frame_size(as_bytes(frame(std::string(101, 'x')).substr(0, 5))).error(),
            Errc::kFrameTooLarge);
  EXPECT_TRUE(session.frame_size(as_bytes(frame(std::string(100, 'x')))));
}

TEST_F(RpycSessionTest, AFrameThatInflatesBeyondTheLimitIsRefused) {
  RpycSession session({.max_inflated_size = 1000});
  const auto bomb = wire::deflate(
      as_bytes(message(wire::Family::kC, wire::MessageKind::kReply, 1, std::string(5000, 'z'))));
  EXPECT_EQ(receive(session, frame(as_text(bomb), true)).error(), Errc::kInflateTooLarge);
  EXPECT_EQ(receive(session, frame("not zlib", true)).error(), Errc::kInflateFailed);
}

TEST_F(RpycSessionTest, AMessageThatBreaksTheFormatIsRefused) {
  for (const std::string& payload : {std::string(), std::string(1, '\1'),
                                     std::string("\4\x11\x51\0", 4), std::string(30, '\xff')}) {
    RpycSession session(speaking(Family::kC));
    EXPECT_FALSE(receive(session, frame(payload))) << payload.size();
  }
}

TEST_F(RpycSessionTest, AnAnswerThatIsNotByValueCarriesReferences) {
  const RpycSession session(speaking(Family::kC));
  const auto answer = [](Incoming::Kind kind, std::int64_t label) {
    Writer out;
    wire::write_tuple_header(out, 2);
    wire::write_int(out, label);
    wire::write_int(out, 0);
    return Incoming{.kind = kind, .seq = 1, .body = Slice::copy_of(out.copied())};
  };
  EXPECT_FALSE(session.carries_references(answer(Incoming::Kind::kReply, 1)));
  for (const std::int64_t label : {2, 3, 4}) {
    EXPECT_TRUE(session.carries_references(answer(Incoming::Kind::kReply, label)));
  }
  EXPECT_FALSE(session.carries_references(answer(Incoming::Kind::kReply, 5))) << "no such label";
  EXPECT_FALSE(session.carries_references(answer(Incoming::Kind::kException, 4)));
  EXPECT_FALSE(session.carries_references({.kind = Incoming::Kind::kReply, .seq = 1, .body = {}}));
}

// In front of the message, in the frame.
std::string bound(const ThreadBinding& binding, std::string_view payload) {
  Writer out;
  write_thread_binding(out, binding);
  return frame(std::string(as_text(out.copied())).append(payload));
}

const ThreadBinding kBinding{.sender = 0x00007fe5425092c0, .recipient = 7};

TEST_F(RpycSessionTest, AMessageThatNamesThreadsIsReadWithThem) {
  RpycSession session({.bind_threads = true});
  const auto incoming = receive(
      session, bound(kBinding, message(wire::Family::kC, wire::MessageKind::kRequest, 5, "body")));
  ASSERT_TRUE(incoming);
  EXPECT_EQ(incoming->kind, Incoming::Kind::kRequest);
  EXPECT_EQ(incoming->seq, 5);
  EXPECT_EQ(incoming->sender_thread, kBinding.sender);
  EXPECT_EQ(incoming->recipient_thread, kBinding.recipient);
  EXPECT_NE(as_text(incoming->body.bytes()).find("body"), std::string_view::npos);
}

TEST_F(RpycSessionTest, AMessageWithoutThreadsIsRefusedWhereTheyAreWanted) {
  RpycSession session({.bind_threads = true});
  const auto incoming = receive(session, frame("short"));
  ASSERT_FALSE(incoming);
  EXPECT_EQ(incoming.error(), Errc::kTruncated);
  EXPECT_NE(session.explain(incoming.error()).find("bind_threads"), std::string_view::npos);
  EXPECT_NE(session.explain(Errc::kEndOfStream).find("bind_threads"), std::string_view::npos);
}

TEST_F(RpycSessionTest, AMessageWithThreadsIsRefusedWhereTheyAreNot) {
  RpycSession session({});
  const auto incoming = receive(
      session, bound(kBinding, message(wire::Family::kC, wire::MessageKind::kRequest, 5, "body")));
  ASSERT_FALSE(incoming);
  EXPECT_NE(session.explain(incoming.error()).find("bind_threads"), std::string_view::npos);
}

TEST_F(RpycSessionTest, ThereAreNoExtensionsWhereMessagesNameThreads) {
  RpycSession session({.bind_threads = true});
  Writer out;
  session.write_offer(out, 1);
  EXPECT_EQ(out.total_size(), 0u);
}

}  // namespace
}  // namespace sinew::dialect::rpyc
