#include "wire/dump.h"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/reader.h"
#include "wire/brine.h"
#include "wire/rpyc_message.h"
#include "wire/value.h"

namespace sinew::wire {
namespace {

constexpr std::size_t kLongestValue = 200;  // characters of one boxed value
constexpr std::size_t kThreadPrefix = 16;

// RPyC wire, docs/protocols/rpyc.md section 2.6.
constexpr std::array<std::string_view, 21> kHandlers = {
    "",       "PING",     "CLOSE",   "GETROOT",  "GETATTR",    "DELATTR", "SETATTR",
    "CALL",   "CALLATTR", "REPR",    "STR",      "CMP",        "HASH",    "DIR",
    "PICKLE", "DEL",      "INSPECT", "BUFFITER", "OLDSLICING", "CTXEXIT", "INSTANCECHECK"};

constexpr std::array<std::string_view, 5> kKinds = {"", "REQUEST", "REPLY", "EXCEPTION",
                                                    "EXTENSION"};

template <class T>
std::string hex(T number) {
  std::array<char, 20> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, 16);
  std::string text(buffer.data(), end.ptr);
  text.insert(text.starts_with('-') ? 1 : 0, "0x");
  return text;
}

std::string hex_id(const Value& id) {
  if (id.kind() != Kind::kInteger) return to_text(id);
  const auto number = id.integer();
  return number ? hex(*number) : id.decimal();
}

std::size_t count_characters(std::string_view utf8) noexcept {
  std::size_t count = 0;
  for (const char c : utf8) count += (c & 0xc0) != 0x80 ? 1 : 0;
  return count;
}

/// The first `count` characters of text that has more.
std::string_view first_characters(std::string_view utf8, std::size_t count) noexcept {
  std::size_t at = 0;
  for (; at < utf8.size(); ++at) {
    if ((utf8[at] & 0xc0) != 0x80 && count-- == 0) break;
  }
  return utf8.substr(0, at);
}

std::string shortened(std::string text, std::size_t longest) {
  if (text.size() < longest) return text;
  const std::size_t characters = count_characters(text);
  if (characters < longest) return text;
  return std::string(first_characters(text, longest)) + "...<" + std::to_string(characters) +
         " chars>";
}

std::string value_text(const Value& value, std::size_t longest) {
  return shortened(to_text(value), longest);
}

/// Text on one line: escaped like a repr, without the quotes.
std::string bare_text(std::string_view text) {
  const std::string quoted = to_text(Value(text));
  return quoted.substr(1, quoted.size() - 2);
}

/// `your<name cls=0x1 inst=0x2>`, for an id pack of three parts with a text in front.
std::string reference_text(std::string_view whose, std::span<const Value> id) {
  return std::string(whose) + "<" + bare_text(id[0].text()) + " cls=" + hex_id(id[1]) +
         " inst=" + hex_id(id[2]) + ">";
}

bool is_id_pack(const Value& value) noexcept {
  return value.kind() == Kind::kTuple && value.items().size() == 3 &&
         value.items()[0].kind() == Kind::kText;
}

std::int64_t small_or_zero(const Value& value) {
  return value.kind() == Kind::kInteger ? value.integer().value_or(0) : 0;
}

/// A box (RPyC wire, docs/protocols/rpyc.md section 2.4); what is none prints as the value it is.
std::string box_text(const Value& box, std::size_t longest) {
  if (box.kind() != Kind::kTuple || box.items().size() != 2) return value_text(box, longest);
  const std::int64_t label = small_or_zero(box.items()[0]);
  const Value& value = box.items()[1];
  if (label == 1) return value_text(value, longest);
  if (label == 2 && value.kind() == Kind::kTuple) {
    std::string text = "(";
    for (const Value& item : value.items()) {
      if (text.size() > 1) text += ", ";
      text += box_text(item, longest);
    }
    return text += value.items().size() == 1 ? ",)" : ")";
  }
  if (label == 3 && is_id_pack(value)) return reference_text("your", value.items());
  if (label == 4 && is_id_pack(value)) return reference_text("my", value.items());
  return value_text(box, longest);
}

/// A request's handler; users may add their own, under any value.
std::string handler_text(const Value& handler, std::size_t longest) {
  const std::int64_t code = small_or_zero(handler);
  if (code > 0 && code < static_cast<std::int64_t>(kHandlers.size())) {
    return std::string(kHandlers[static_cast<std::size_t>(code)]);
  }
  return handler.kind() == Kind::kText ? bare_text(handler.text()) : value_text(handler, longest);
}

std::string complaint(std::string_view what, Errc errc, std::size_t offset) {
  return "<" + std::string(what) + " is broken at offset " + std::to_string(offset) + ": " +
         std::string(describe(errc)) + ">";
}

/// Whether this is a message of the thread-bound variant: 16 bytes of thread idents in front. An
/// ident is an address, so its first byte is 00, which is no message kind.
bool is_thread_bound(ByteView payload) noexcept {
  return payload.size() > kThreadPrefix && payload[0] == 0 &&
         parse_message(payload.subspan(kThreadPrefix)).has_value();
}

void describe_request(MessageText& text, const Value& body, std::size_t longest) {
  if (body.kind() != Kind::kTuple || body.items().size() != 2) {
    text.body = value_text(body, longest);
    return;
  }
  text.handler = handler_text(body.items()[0], longest);
  text.body = text.handler + box_text(body.items()[1], longest);
}

void describe_body(MessageText& text, const Value& body, std::size_t longest) {
  switch (text.kind) {
    case MessageKind::kRequest: return describe_request(text, body, longest);
    case MessageKind::kReply: text.body = box_text(body, longest); return;
    case MessageKind::kException:
    case MessageKind::kExtension: text.body = to_text(body);
  }
}

// `whole` is the most of the body altogether.
Result<MessageText> in_words(ByteView payload, std::size_t longest, std::size_t whole) {
  MessageText text;
  if (is_thread_bound(payload)) {
    text.threads = ThreadPair{load_be64(payload.data()), load_be64(payload.data() + 8)};
    payload = payload.subspan(kThreadPrefix);
  }
  SINEW_ASSIGN(const Message message, parse_message(payload));
  text.family = message.family;
  text.kind = message.kind;
  text.seq = message.seq;
  ValueModel model;
  Reader in(message.body);
  const auto body = decode_brine(model, in, BrineLimits{});
  text.is_sound = body && in.empty();
  if (!body) {
    text.body =
        complaint("body", body.error(), static_cast<std::size_t>(in.position() - payload.data()));
    return text;
  }
  describe_body(text, **body, longest);
  text.body = shortened(std::move(text.body), whole);
  if (!in.empty()) text.body += " <" + std::to_string(in.remaining()) + " bytes are left over>";
  return text;
}

}  // namespace

std::string_view name_of(MessageKind kind) noexcept {
  return kKinds[static_cast<std::size_t>(kind)];
}

Result<MessageText> describe_payload(ByteView payload, std::size_t longest) {
  constexpr std::size_t kTimes = 8;
  return in_words(payload, longest, longest > SIZE_MAX / kTimes ? SIZE_MAX : kTimes * longest);
}

std::string dump_payload(ByteView payload) {
  const auto text = in_words(payload, kLongestValue, SIZE_MAX);
  if (!text) {
    return "<no message, " + std::to_string(payload.size()) +
           " bytes: " + std::string(describe(text.error())) + ">";
  }
  std::string line;
  if (text->threads) {
    line = "[from-thread " + hex(text->threads->sender) + " -> to-thread " +
           hex(text->threads->recipient) + "] ";
  }
  line += name_of(text->kind);
  line += text->kind == MessageKind::kExtension ? " number=" : " seq=";
  return line + std::to_string(text->seq) + " " + text->body;
}

}  // namespace sinew::wire
