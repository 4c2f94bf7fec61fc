#include "dialect/rpyc/rpyc_session.h"

#include <utility>

#include "dialect/rpyc/boxing.h"
#include "dialect/rpyc/thread_binding.h"
#include "wire/compress.h"
#include "wire/rpyc_frame.h"

namespace sinew::dialect::rpyc {
namespace {

rpc::Incoming::Kind kind_of(wire::MessageKind kind) noexcept {
  switch (kind) {
    case wire::MessageKind::kReply: return rpc::Incoming::Kind::kReply;
    case wire::MessageKind::kException: return rpc::Incoming::Kind::kException;
    case wire::MessageKind::kExtension: return rpc::Incoming::Kind::kNotice;
    case wire::MessageKind::kRequest: break;
  }
  return rpc::Incoming::Kind::kRequest;
}

// A handshake or an alert of TLS (RFC 8446, section 5.1: type, version 3.x). As a frame it would be
// one of 350 MB, and both sides would wait for ever.
bool begins_tls(ByteView start) noexcept {
  constexpr std::uint8_t kAlert = 21;
  constexpr std::uint8_t kHandshake = 22;
  return (start[0] == kAlert || start[0] == kHandshake) && start[1] == 3 && start[2] <= 4;
}

// What peers say that want or offer a token begins with these (docs/protocols/tokens.md).
constexpr std::string_view kTokenServer = "SINEW";
constexpr std::string_view kTokenHello = "SINEW-TOKEN";

// Extensions would have to say between which threads they go.
SessionOptions with_binding(SessionOptions options) noexcept {
  if (options.bind_threads) options.extensions = ExtensionSet();
  return options;
}

}  // namespace

RpycSession::RpycSession(const SessionOptions& options) noexcept
    : options_(with_binding(options)),
      family_(options.wire_family == SessionOptions::Family::kB ? wire::Family::kB
                                                                : wire::Family::kC),
      listening_(options.wire_family == SessionOptions::Family::kDetect) {}

std::size_t RpycSession::header_size() const noexcept { return wire::kFrameHeaderSize; }

Result<std::size_t> RpycSession::frame_size(ByteView start) {
  if (start.size() < wire::kFrameHeaderSize) return 0;
  if (!has_heard()) [[unlikely]] {
    if (begins_tls(start)) return fail(Errc::kSpeaksTls);
    if (as_text(start).starts_with(kTokenServer)) {
      token_wanted_.store(true, std::memory_order_relaxed);
      return fail(Errc::kBadFrame);
    }
  }
  SINEW_ASSIGN(const wire::FrameHeader header,
               wire::parse_frame_header(start.first<wire::kFrameHeaderSize>(),
                                        limited(options_.max_frame_size)));
  return wire::frame_size(header);
}

const io::Framing* RpycSession::framing() const noexcept {
  static constexpr io::Framing kFraming{
      .header_size = wire::kFrameHeaderSize, .frame_size = [](const std::uint8_t* header) noexcept {
        return wire::frame_size({.length = load_be32(header), .compressed = false});
      }};
  return &kFraming;
}

Result<rpc::Incoming> RpycSession::open(Slice frame) {
  const ByteView bytes = frame.bytes();
  const ByteView payload = bytes.subspan(
      wire::kFrameHeaderSize, bytes.size() - wire::kFrameHeaderSize - wire::kFlusherSize);
  Slice body;
  if (bytes[wire::kFrameHeaderSize - 1] == 0) {
    body = std::move(frame).narrow(payload);
  } else {
    SINEW_ASSIGN(auto inflated, wire::inflate(payload, limited(options_.max_inflated_size)));
    body = Slice::adopt(std::move(inflated));
  }
  if (!has_heard() && as_text(body.bytes()).starts_with(kTokenHello)) [[unlikely]] {
    token_offered_.store(true, std::memory_order_relaxed);
    return fail(Errc::kBadFrame);
  }
  ThreadBinding binding;
  if (options_.bind_threads) {
    SINEW_ASSIGN(binding, read_thread_binding(body.bytes()));
    const ByteView unbound = body.bytes().subspan(kThreadBindingSize);
    body = std::move(body).narrow(unbound);
  }
  const auto parsed = wire::parse_message(body.bytes());
  if (!parsed) {
    // Thread numbers are addresses, whose first byte is 0, and no message begins with that.
    heard_binding_.store(body.bytes().size() > kThreadBindingSize && body.bytes()[0] == 0,
                         std::memory_order_relaxed);
    return fail(parsed.error());
  }
  const wire::Message& message = *parsed;
  SINEW_TRY(check_family(message.family));
  if (message.kind == wire::MessageKind::kExtension) {
    return open_extension(message, std::move(body));
  }
  SINEW_ASSIGN(auto control, negotiate(message));
  if (control) return *std::move(control);
  rpc::Incoming incoming{.kind = kind_of(message.kind),
                         .seq = message.seq,
                         .body = std::move(body).narrow(message.body),
                         .sender_thread = binding.sender,
                         .recipient_thread = binding.recipient};
  if (prelude_) [[unlikely]] {
    SINEW_TRY(apply_prelude(incoming));
  }
  return incoming;
}

// A side that was not told which family to speak answers in the one that it hears first.
Result<void> RpycSession::check_family(wire::Family spoken) {
  const bool first = !heard_.exchange(true, std::memory_order_relaxed);
  if (spoken == family_.load(std::memory_order_relaxed)) return {};
  const bool free_to_choose = options_.wire_family == SessionOptions::Family::kAuto ||
                              options_.wire_family == SessionOptions::Family::kDetect;
  if (!first || !free_to_choose || spoken_.load(std::memory_order_relaxed)) {
    return fail(Errc::kWrongFamily);
  }
  family_.store(spoken, std::memory_order_relaxed);
  return {};
}

// ---------------------------------------------------------------------------------------------
// Extensions

namespace {

rpc::Incoming control(const Writer& answer, bool changes_signs) {
  return {.kind = rpc::Incoming::Kind::kControl,
          .seq = changes_signs ? 1 : 0,
          .body = Slice::copy_of(answer.copied())};
}

bool may_be_ping(ByteView body) noexcept {
  // A tuple of two, and the code as stock peers and we write it.
  constexpr std::uint8_t kCode = wire::kImmediateBias + static_cast<std::uint8_t>(Handler::kPing);
  return body.size() > 2 && body[0] == wire::kTagTuple1 + 1 && body[1] == kCode;
}

}  // namespace

void RpycSession::write_offer(Writer& out, std::int64_t seq) {
  if (options_.extensions.empty()) return;
  std::int64_t none = kNotOffered;
  if (!offer_seq_.compare_exchange_strong(none, seq)) return;
  rpyc::write_offer(out, family(), seq, options_.extensions);
}

void RpycSession::agree(const ExtensionSet& set) noexcept {
  for (std::size_t i = 0; i < agreed_.size(); ++i) {
    const std::uint8_t version = set.version(kExtensions[i].number);
    if (version > agreed_[i].load(std::memory_order_relaxed)) {
      agreed_[i].store(version, std::memory_order_release);
    }
  }
}

// The peer's offer, or its answer to ours. Nothing: any other message.
Result<std::optional<rpc::Incoming>> RpycSession::negotiate(const wire::Message& message) {
  if (message.kind == wire::MessageKind::kRequest) {
    if (!may_be_ping(message.body) || options_.extensions.empty()) return std::nullopt;
    SINEW_ASSIGN(const auto offer, read_offer(message.body));
    if (!offer) return std::nullopt;
    return accept(message, *offer);
  }
  const std::int64_t asked = offer_seq_.load(std::memory_order_relaxed);
  if (offer_answered_ || message.seq != asked || asked == kNotOffered) return std::nullopt;
  offer_answered_ = true;
  if (message.kind == wire::MessageKind::kReply) {
    SINEW_ASSIGN(const auto accepted, read_acceptance(message.body));
    if (accepted && !accepted->is_within(options_.extensions)) return fail(Errc::kBadExtension);
    if (accepted) agree(*accepted);
  }
  Writer out;
  wish_for_signs(out);
  return control(out, true);
}

Result<rpc::Incoming> RpycSession::accept(const wire::Message& message, const ExtensionSet& offer) {
  if (offer_heard_) return fail(Errc::kBadExtension);
  offer_heard_ = true;
  const ExtensionSet accepted = offer.common(options_.extensions);
  agree(accepted);
  Writer out;
  write_acceptance(out, message.family, message.seq, accepted);
  wish_for_signs(out);
  return control(out, true);
}

Result<rpc::Incoming> RpycSession::open_extension(const wire::Message& message, Slice body) {
  const auto number = message.seq;
  if (number < 1 || number > static_cast<std::int64_t>(kExtensions.size()) ||
      !agrees_on(static_cast<Extension>(number))) {
    return fail(Errc::kBadExtension);
  }
  const auto extension = static_cast<Extension>(number);
  switch (extension) {
    case Extension::kHeartbeat: return open_heartbeat(message);
    case Extension::kDeadline:
    case Extension::kAffinity: return open_prelude(extension, message);
    case Extension::kCancel: {
      SINEW_ASSIGN(const AboutRequest about, read_about_request(extension, message.body));
      return rpc::Incoming{.kind = rpc::Incoming::Kind::kCancel, .seq = about.seq, .body = {}};
    }
    case Extension::kRelease: break;
  }
  return rpc::Incoming{.kind = rpc::Incoming::Kind::kNotice,
                       .seq = number,
                       .body = std::move(body).narrow(message.body)};
}

// ---------------------------------------------------------------------------------------------
// About requests

Result<rpc::Incoming> RpycSession::open_prelude(Extension extension, const wire::Message& message) {
  SINEW_ASSIGN(const AboutRequest about, read_about_request(extension, message.body));
  if (prelude_ && prelude_->seq != about.seq) return fail(Errc::kBadExtension);
  if (!prelude_) prelude_.emplace().seq = about.seq;
  if (extension == Extension::kDeadline) {
    prelude_->about.deadline = Deadline::after(std::chrono::milliseconds(about.value));
  } else {
    prelude_->about.on_behalf_of = about.value;
  }
  return control(Writer(), false);
}

Result<void> RpycSession::apply_prelude(rpc::Incoming& request) {
  const Prelude prelude = *std::exchange(prelude_, std::nullopt);
  if (request.kind != rpc::Incoming::Kind::kRequest || request.seq != prelude.seq) {
    return fail(Errc::kBadExtension);
  }
  request.deadline = prelude.about.deadline;
  request.on_behalf_of = prelude.about.on_behalf_of;
  return {};
}

// The first message of what has come, if it is there as a whole and not compressed.
Result<std::optional<wire::Message>> RpycSession::peek_message(ByteView received,
                                                               std::size_t& size) {
  SINEW_ASSIGN(size, frame_size(received));
  if (size == 0 || size > received.size()) return std::nullopt;
  if (received[wire::kFrameHeaderSize - 1] != 0) return wire::Message{};
  SINEW_ASSIGN(const wire::Message message,
               wire::parse_message(received.subspan(
                   wire::kFrameHeaderSize, size - wire::kFrameHeaderSize - wire::kFlusherSize)));
  return message;
}

void RpycSession::find_cancels(ByteView received, const std::function<void(std::int64_t)>& found) {
  if (!agrees_on(Extension::kCancel)) return;
  std::size_t size = 0;
  while (true) {
    const auto message = peek_message(received, size);
    if (!message || !*message) return;
    constexpr auto kNumber = static_cast<std::int64_t>(Extension::kCancel);
    if ((*message)->kind == wire::MessageKind::kExtension && (*message)->seq == kNumber) {
      const auto about = read_about_request(Extension::kCancel, (*message)->body);
      if (about) found(about->seq);
    }
    received = received.subspan(size);
  }
}

// ---------------------------------------------------------------------------------------------
// Signs of life

void RpycSession::wish_for_signs(Writer& out) noexcept {
  if (options_.heartbeat == Duration::zero() || !agrees_on(Extension::kHeartbeat)) return;
  write_heartbeat(out, family(), {.is_wish = true, .every = options_.heartbeat});
  wished_.store(true, std::memory_order_release);
}

Result<rpc::Incoming> RpycSession::open_heartbeat(const wire::Message& message) {
  SINEW_ASSIGN(const Heartbeat beat, read_heartbeat(message.body));
  if (beat.is_wish) sign_wanted_every_.store(beat.every.count(), std::memory_order_relaxed);
  return control(Writer(), beat.is_wish);
}

rpc::Signs RpycSession::signs() const noexcept {
  return {.wanted_every = Duration(sign_wanted_every_.load(std::memory_order_relaxed)),
          .promised = wished_.load(std::memory_order_acquire),
          .may_ask = has_heard() && !agrees_on(Extension::kHeartbeat)};
}

void RpycSession::write_sign(Writer& out) const { write_heartbeat(out, family(), {}); }

void RpycSession::write_probe(Writer& out, std::int64_t seq) const {
  const std::size_t start = wire::begin_frame(out);
  wire::begin_message(out, family(), wire::MessageKind::kRequest, seq);
  wire::write_tuple_header(out, 2);
  wire::write_int(out, static_cast<std::int64_t>(Handler::kPing));
  write_label(out, Label::kValue);
  wire::write_tuple_header(out, 1);
  wire::write_text(out, "");
  static_cast<void>(wire::end_frame(out, start));
}

std::size_t RpycSession::leading_signs(ByteView received) {
  constexpr auto kNumber = static_cast<std::int64_t>(Extension::kHeartbeat);
  if (!agrees_on(Extension::kHeartbeat)) return 0;
  std::size_t signs = 0;
  std::size_t size = 0;
  while (true) {
    const auto message = peek_message(received.subspan(signs), size);
    if (!message || !*message) break;
    if ((*message)->kind != wire::MessageKind::kExtension || (*message)->seq != kNumber) break;
    const auto beat = read_heartbeat((*message)->body);
    if (!beat || beat->is_wish) break;
    signs += size;
  }
  return signs;
}

namespace {

std::string_view explain_family(bool speaks_b, bool cpp) noexcept {
  if (cpp) {
    return speaks_b ? "the peer speaks RPyC 6 and this side RPyC 4.1 to 5.3: set Options::wire to "
                      "kRpyc6"
                    : "the peer speaks RPyC 4.1 to 5.3 and this side RPyC 6: set Options::wire to "
                      "kRpyc5";
  }
  return speaks_b ? "the peer speaks RPyC 6 (wire family C) and this side RPyC 4.1 to 5.3 "
                    "(wire family B): connect with wire_family 'C'"
                  : "the peer speaks RPyC 4.1 to 5.3 (wire family B) and this side RPyC 6 "
                    "(wire family C): connect with wire_family 'B'";
}

std::string_view explain_silence(bool speaks_b, bool cpp) noexcept {
  if (cpp) {
    return speaks_b ? "the peer closed the stream without a word; if it is RPyC 6, set "
                      "Options::wire to kRpyc6"
                    : "the peer closed the stream without a word; if it is RPyC 4.1 to 5.3, set "
                      "Options::wire to kRpyc5";
  }
  return speaks_b ? "the peer closed the stream without a word; if it is RPyC 6 (wire family C), "
                    "connect with wire_family 'C'"
                  : "the peer closed the stream without a word; if it is RPyC 4.1 to 5.3 (wire "
                    "family B), connect with wire_family 'B'";
}

}  // namespace

std::string_view RpycSession::explain(Errc errc) const noexcept {
  const bool is_unreadable = errc == Errc::kWrongFamily || errc == Errc::kUnknownMessage ||
                             errc == Errc::kTruncated || errc == Errc::kWrongType;
  const bool is_silent = errc == Errc::kEndOfStream && !heard_.load(std::memory_order_relaxed);
  if ((is_unreadable || is_silent) && options_.bind_threads) {
    return is_silent
               ? "the peer closed the stream without a word; bind_threads must be set on both "
                 "sides, or on neither"
               : "the peer's messages do not name threads as this side's do: bind_threads must "
                 "be set on both sides, or on neither";
  }
  if (is_unreadable && heard_binding_.load(std::memory_order_relaxed)) {
    return "the peer's messages name threads and this side's do not: bind_threads must be set on "
           "both sides, or on neither";
  }
  const bool cpp = options_.speaks_cpp;
  if (token_wanted_.load(std::memory_order_relaxed)) {
    return cpp ? "the server wants a token: set Options::token_file, or SINEW_TOKEN_FILE in the "
                 "environment"
               : "the server wants a token: connect with token=..., or with SINEW_TOKEN_FILE in "
                 "the "
                 "environment";
  }
  if (token_offered_.load(std::memory_order_relaxed)) {
    return cpp ? "the client offers a token and this server has none: set "
                 "ServerOptions::token_file, or connect without one"
               : "the client offers a token and this server has none: serve with token=..., or "
                 "connect with token=False";
  }
  if (!has_heard() && (errc == Errc::kFrameTooLarge || errc == Errc::kInflateTooLarge)) {
    return "the peer's first message is beyond max_first_frame_size";
  }
  const bool speaks_b = family() == wire::Family::kB;
  if (errc == Errc::kWrongFamily) return explain_family(speaks_b, cpp);
  if (errc == Errc::kSpeaksTls) {
    return cpp ? "the peer speaks TLS and this side does not: use tls:// to reach a TLS server, "
                 "and "
                 "for a server of yours"
               : "the peer speaks TLS and this side does not: use tls:// or ssl_connect to reach a "
                 "TLS server, or give this server a certificate";
  }
  return is_silent ? explain_silence(speaks_b, cpp) : std::string_view();
}

bool RpycSession::carries_references(const rpc::Incoming& answer) const noexcept {
  if (answer.kind != rpc::Incoming::Kind::kReply) return false;
  Reader in(answer.body.bytes());
  const auto label = read_label(in);
  return label && *label != Label::kValue;
}

}  // namespace sinew::dialect::rpyc
