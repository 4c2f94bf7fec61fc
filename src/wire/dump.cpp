#include "wire/dump.h"

#include <array>
#include <charconv>
#include <string_view>

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

std::string value_text(const Value& value) {
  std::string text = to_text(value);
  const std::size_t characters = count_characters(text);
  if (characters < kLongestValue) return text;
  return std::string(first_characters(text, kLongestValue)) + "...<" + std::to_string(characters) +
         " chars>";
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
std::string box_text(const Value& box) {
  if (box.kind() != Kind::kTuple || box.items().size() != 2) return value_text(box);
  const std::int64_t label = small_or_zero(box.items()[0]);
  const Value& value = box.items()[1];
  if (label == 1) return value_text(value);
  if (label == 2 && value.kind() == Kind::kTuple) {
    std::string text = "(";
    for (const Value& item : value.items()) {
      if (text.size() > 1) text += ", ";
      text += box_text(item);
    }
    return text += value.items().size() == 1 ? ",)" : ")";
  }
  if (label == 3 && is_id_pack(value)) return reference_text("your", value.items());
  if (label == 4 && is_id_pack(value)) return reference_text("my", value.items());
  return value_text(box);
}

/// A request's handler; users may add their own, under any value.
std::string handler_text(const Value& handler) {
  const std::int64_t code = small_or_zero(handler);
  if (code > 0 && code < static_cast<std::int64_t>(kHandlers.size())) {
    return std::string(kHandlers[static_cast<std::size_t>(code)]);
  }
  return handler.kind() == Kind::kText ? bare_text(handler.text()) : value_text(handler);
}

std::string request_text(const Value& body) {
  if (body.kind() != Kind::kTuple || body.items().size() != 2) return value_text(body);
  return handler_text(body.items()[0]) + box_text(body.items()[1]);
}

std::string body_text(MessageKind kind, const Value& body) {
  switch (kind) {
    case MessageKind::kRequest: return request_text(body);
    case MessageKind::kReply: return box_text(body);
    case MessageKind::kException:
    case MessageKind::kExtension: return to_text(body);
  }
  return to_text(body);
}

std::string complaint(std::string_view what, Errc errc, std::size_t offset) {
  return "<" + std::string(what) + " is broken at offset " + std::to_string(offset) + ": " +
         std::string(describe(errc)) + ">";
}

std::string message_text(const Message& message, ByteView payload) {
  std::string text(kKinds[static_cast<std::size_t>(message.kind)]);
  text += message.kind == MessageKind::kExtension ? " number=" : " seq=";
  text += std::to_string(message.seq) + " ";
  ValueModel model;
  Reader in(message.body);
  const auto body = decode_brine(model, in, BrineLimits{});
  const auto offset = static_cast<std::size_t>(in.position() - payload.data());
  if (!body) return text + complaint("body", body.error(), offset);
  text += body_text(message.kind, **body);
  if (!in.empty()) text += " <" + std::to_string(in.remaining()) + " bytes are left over>";
  return text;
}

/// Whether this is a message of the thread-bound variant: 16 bytes of thread idents in front. An
/// ident is an address, so its first byte is 00, which is no message kind.
bool is_thread_bound(ByteView payload) noexcept {
  return payload.size() > kThreadPrefix && payload[0] == 0 &&
         parse_message(payload.subspan(kThreadPrefix)).has_value();
}

}  // namespace

std::string dump_payload(ByteView payload) {
  std::string prefix;
  if (is_thread_bound(payload)) {
    prefix = "[from-thread " + hex(load_be64(payload.data())) + " -> to-thread " +
             hex(load_be64(payload.data() + 8)) + "] ";
    payload = payload.subspan(kThreadPrefix);
  }
  const auto message = parse_message(payload);
  if (message) return prefix + message_text(*message, payload);
  return "<no message, " + std::to_string(payload.size()) +
         " bytes: " + std::string(describe(message.error())) + ">";
}

}  // namespace sinew::wire
