#include "dialect/rpyc/rpyc_session.h"

#include <utility>

#include "dialect/rpyc/boxing.h"
#include "wire/compress.h"
#include "wire/rpyc_frame.h"

namespace sinew::dialect::rpyc {
namespace {

rpc::Incoming::Kind kind_of(wire::MessageKind kind) noexcept {
  switch (kind) {
    case wire::MessageKind::kReply: return rpc::Incoming::Kind::kReply;
    case wire::MessageKind::kException: return rpc::Incoming::Kind::kException;
    case wire::MessageKind::kRequest: break;
  }
  return rpc::Incoming::Kind::kRequest;
}

}  // namespace

RpycSession::RpycSession(const SessionOptions& options) noexcept
    : options_(options),
      family_(options.wire_family == SessionOptions::Family::kB ? wire::Family::kB
                                                                : wire::Family::kC),
      listening_(options.wire_family == SessionOptions::Family::kDetect) {}

std::size_t RpycSession::header_size() const noexcept { return wire::kFrameHeaderSize; }

Result<std::size_t> RpycSession::frame_size(ByteView start) {
  if (start.size() < wire::kFrameHeaderSize) return 0;
  SINEW_ASSIGN(
      const wire::FrameHeader header,
      wire::parse_frame_header(start.first<wire::kFrameHeaderSize>(), options_.max_frame_size));
  return wire::frame_size(header);
}

Result<rpc::Incoming> RpycSession::open(Slice frame) {
  const ByteView bytes = frame.bytes();
  const ByteView payload = bytes.subspan(
      wire::kFrameHeaderSize, bytes.size() - wire::kFrameHeaderSize - wire::kFlusherSize);
  Slice body;
  if (bytes[wire::kFrameHeaderSize - 1] == 0) {
    body = std::move(frame).narrow(payload);
  } else {
    SINEW_ASSIGN(auto inflated, wire::inflate(payload, options_.max_inflated_size));
    body = Slice::adopt(std::move(inflated));
  }
  SINEW_ASSIGN(const wire::Message message, wire::parse_message(body.bytes()));
  SINEW_TRY(check_family(message.family));
  return rpc::Incoming{.kind = kind_of(message.kind),
                       .seq = message.seq,
                       .body = std::move(body).narrow(message.body)};
}

// A side that was not told which family to speak answers in the one that it hears first.
Result<void> RpycSession::check_family(wire::Family spoken) {
  const bool first = !heard_.exchange(true, std::memory_order_relaxed);
  if (spoken == family_.load(std::memory_order_relaxed)) return {};
  const bool free_to_choose = options_.wire_family == SessionOptions::Family::kAuto ||
                              options_.wire_family == SessionOptions::Family::kDetect;
  if (!first || !free_to_choose) {
    return fail(Errc::kWrongFamily);
  }
  family_.store(spoken, std::memory_order_relaxed);
  return {};
}

std::string_view RpycSession::explain(Errc errc) const noexcept {
  const bool speaks_b = family() == wire::Family::kB;
  if (errc == Errc::kWrongFamily) {
    return speaks_b ? "the peer speaks RPyC 6 (wire family C) and this side RPyC 4.1 to 5.3 "
                      "(wire family B): connect with wire_family 'C'"
                    : "the peer speaks RPyC 4.1 to 5.3 (wire family B) and this side RPyC 6 "
                      "(wire family C): connect with wire_family 'B'";
  }
  if (errc == Errc::kEndOfStream && !heard_.load(std::memory_order_relaxed)) {
    return speaks_b ? "the peer closed the stream without a word; if it is RPyC 6 (wire family C), "
                      "connect with wire_family 'C'"
                    : "the peer closed the stream without a word; if it is RPyC 4.1 to 5.3 (wire "
                      "family B), connect with wire_family 'B'";
  }
  return {};
}

bool RpycSession::carries_references(const rpc::Incoming& answer) const noexcept {
  if (answer.kind != rpc::Incoming::Kind::kReply) return false;
  Reader in(answer.body.bytes());
  const auto label = read_label(in);
  return label && *label != Label::kValue;
}

}  // namespace sinew::dialect::rpyc
