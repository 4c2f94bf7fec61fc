#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/reader.h"
#include "wire/brine_tokens.h"
#include "wire/compress.h"
#include "wire/dump.h"
#include "wire/rpyc_frame.h"
#include "wire/rpyc_message.h"
#include "wire/value.h"

namespace sinew::wire {
namespace {

constexpr std::size_t kBytesPerLine = 32;
constexpr std::size_t kLongestHex = 512;        // bytes of a frame shown in hex
constexpr std::size_t kLongestToken = 160;      // characters of a token's meaning
constexpr std::size_t kMostTokens = 61;         // tokens shown
constexpr std::size_t kDeepest = 200;           // nesting followed
constexpr std::size_t kMostInflated = 1 << 20;  // bytes of an inflated payload
constexpr int kHeaderColumn = 24;
constexpr int kTokenColumn = 26;

std::string hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    if (!text.empty()) text += ' ';
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

void append_line(std::string& out, int column, std::string_view left, std::string_view right) {
  if (!out.empty()) out += '\n';
  out += "      ";
  out += left;
  out.append(left.size() < static_cast<std::size_t>(column)
                 ? static_cast<std::size_t>(column) - left.size()
                 : 0,
             ' ');
  out += ' ';
  out += right;
}

std::string hex_lines(ByteView bytes) {
  std::string out;
  const std::size_t shown = std::min(bytes.size(), kLongestHex);
  for (std::size_t at = 0; at < shown; at += kBytesPerLine) {
    char offset[24];
    std::snprintf(offset, sizeof offset, "%s    %04zx  ", at == 0 ? "" : "\n", at);
    out += offset;
    out += hex(bytes.subspan(at, std::min(kBytesPerLine, bytes.size() - at)));
  }
  if (bytes.size() > kLongestHex) {
    out += "\n    ...   (" + std::to_string(bytes.size() - kLongestHex) +
           " more bytes; last 16: " + hex(bytes.last(16)) + ")";
  }
  return out;
}

std::string address(std::uint64_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(number));
  return text;
}

/// Prints the tokens of one value, one a line, children indented.
class TokenPrinter {
 public:
  TokenPrinter(ByteView payload, std::size_t offset, std::string& out)
      : payload_(payload), in_(payload.subspan(offset)), out_(out) {}

  /// Prints all; says what is wrong if something is.
  void run() {
    const auto whole = value(0);
    if (tokens_ > kMostTokens) {
      append_line(out_, 0, "... " + std::to_string(tokens_ - kMostTokens), "more tokens");
    }
    if (!whole) {
      append_line(out_, 0, "!! broken at payload offset " + std::to_string(offset()) + ":",
                  describe(whole.error()));
    } else if (!in_.empty()) {
      append_line(out_, kTokenColumn, head({in_.position(), in_.remaining()}),
                  std::to_string(in_.remaining()) + " bytes are left over");
    }
  }

 private:
  std::size_t offset() const { return static_cast<std::size_t>(in_.position() - payload_.data()); }

  static std::string head(ByteView bytes) {
    return hex(bytes.first(std::min<std::size_t>(bytes.size(), 8))) +
           (bytes.size() > 8 ? " .." : "");
  }

  /// A line for the bytes from `from` to the cursor.
  void token(const std::uint8_t* from, std::size_t depth, std::string_view meaning) {
    if (++tokens_ > kMostTokens) return;
    std::string text(2 * depth, ' ');
    text += meaning.substr(0, kLongestToken);
    if (meaning.size() > kLongestToken) text += "...";
    append_line(out_, kTokenColumn, head({from, static_cast<std::size_t>(in_.position() - from)}),
                text);
  }

  Result<void> value(std::size_t depth) {
    const std::uint8_t* from = in_.position();
    SINEW_ASSIGN(const std::uint8_t tag, in_.take());
    if (is_immediate(tag)) {
      token(from, depth, "int imm " + std::to_string(tag - kImmediateBias));
      return {};
    }
    if (is_tuple(tag)) return tuple(from, tag, depth);
    if (is_bytes(tag)) return bytes(from, tag, depth);
    switch (tag) {
      case kTagNone: token(from, depth, "None"); return {};
      case kTagTrue: token(from, depth, "True"); return {};
      case kTagFalse: token(from, depth, "False"); return {};
      case kTagNotImplemented: token(from, depth, "NotImplemented"); return {};
      case kTagEllipsis: token(from, depth, "Ellipsis"); return {};
      case kTagText: return around(from, depth, "str (utf-8 bytes follow):", is_bytes);
      case kTagSlice: return around(from, depth, "slice of:", is_tuple);
      case kTagFrozenSet: return around(from, depth, "frozenset of:", is_tuple);
      case kTagReal: return real(from, depth);
      case kTagComplex: return complex(from, depth);
      case kTagLong:
      case kTagIntegerL1:
      case kTagIntegerL4: return integer(from, tag, depth);
      default: return fail(Errc::kUnknownTag);
    }
  }

  Result<void> around(const std::uint8_t* from, std::size_t depth, std::string_view meaning,
                      bool (*wanted)(std::uint8_t)) {
    token(from, depth, meaning);
    if (in_.empty()) return fail(Errc::kTruncated);
    if (!wanted(in_.peek())) return fail(unwanted(in_.peek()));
    return value(depth + 1);
  }

  Result<void> tuple(const std::uint8_t* from, std::uint8_t tag, std::size_t depth) {
    SINEW_ASSIGN(const std::size_t count, read_tuple_count(in_, tag));
    token(from, depth, count == 0 ? "tuple ()" : "tuple[" + std::to_string(count) + "]");
    if (count > in_.remaining()) return fail(Errc::kTruncated);
    if (depth >= kDeepest) return fail(Errc::kTooDeep);
    for (std::size_t i = 0; i < count; ++i) SINEW_TRY(value(depth + 1));
    return {};
  }

  Result<void> bytes(const std::uint8_t* from, std::uint8_t tag, std::size_t depth) {
    SINEW_ASSIGN(const ByteView content, read_bytes_of(in_, tag));
    if (tag == kTagEmptyBytes) {
      token(from, depth, "bytes b''");
      return {};
    }
    const std::size_t shown = std::min(content.size(), tag == kTagBytesL4 ? 60 : kLongestToken);
    std::string text = "bytes";
    if (tag == kTagBytesL1) text += " L1";
    if (tag == kTagBytesL4) text += " L4";
    text += "[" + std::to_string(content.size()) + "] ";
    text += to_text(Value::bytes(content.first(shown)));
    if (tag == kTagBytesL4 && shown < content.size()) text += "...";
    token(from, depth, text);
    return {};
  }

  Result<void> integer(const std::uint8_t* from, std::uint8_t tag, std::size_t depth) {
    const auto number = read_integer_text(in_, tag);
    if (!number) return fail(number.error());
    const std::ptrdiff_t header = tag == kTagIntegerL1 ? 2 : 5;
    std::string text = "long ";
    if (tag != kTagLong) {
      text = tag == kTagIntegerL1 ? "int L1[" : "int L4[";
      text += std::to_string(in_.position() - from - header) + "] ";
    }
    text += number->fits ? std::to_string(number->value) : std::string(number->text);
    token(from, depth, text);
    return {};
  }

  Result<void> real(const std::uint8_t* from, std::size_t depth) {
    SINEW_ASSIGN(const std::uint64_t bits, in_.take_be64());
    token(from, depth, "float " + to_text(std::bit_cast<double>(bits)));
    return {};
  }

  Result<void> complex(const std::uint8_t* from, std::size_t depth) {
    SINEW_ASSIGN(const std::uint64_t first, in_.take_be64());
    SINEW_ASSIGN(const std::uint64_t second, in_.take_be64());
    const ComplexParts parts{std::bit_cast<double>(first), std::bit_cast<double>(second)};
    token(from, depth, "complex " + to_text(Value(parts)));
    return {};
  }

  ByteView payload_;
  Reader in_;
  std::string& out_;
  std::size_t tokens_ = 0;
};

void append_header(std::string& out, ByteView frame, std::size_t plain_size) {
  append_line(out, kHeaderColumn, hex(frame.first(4)),
              "length=" + std::to_string(load_be32(frame.data())));
  std::string flag = "compressed=" + std::to_string(frame[4]);
  if (frame[4] != 0) flag += " -> inflates to " + std::to_string(plain_size) + " bytes";
  append_line(out, kHeaderColumn, hex(frame.subspan(4, 1)), flag);
}

/// The prefix of the thread-bound variant, if dump_payload() would see one. Returns its size.
std::size_t append_threads(std::string& out, ByteView payload) {
  if (payload.size() < 17 || payload[0] != 0 || !parse_message(payload.subspan(16))) return 0;
  const std::uint64_t recipient = load_be64(payload.data() + 8);
  append_line(out, kHeaderColumn, hex(payload.first(8)),
              "sender thread ident " + address(load_be64(payload.data())));
  append_line(
      out, kHeaderColumn, hex(payload.subspan(8, 8)),
      "recipient thread ident " + address(recipient) + (recipient == 0 ? " (UNBOUND)" : ""));
  return 16;
}

void append_payload(std::string& out, ByteView payload) {
  constexpr std::array<std::string_view, 5> kinds = {"(unknown)", "REQUEST", "REPLY", "EXCEPTION",
                                                     "EXTENSION"};
  std::size_t offset = append_threads(out, payload);
  if (offset < payload.size() && payload[offset] < kTagTuple1) {  // family C's kind byte
    const std::uint8_t kind = payload[offset];
    append_line(out, kHeaderColumn, hex(payload.subspan(offset, 1)),
                "msg = " + std::string(kinds[kind < kinds.size() ? kind : 0]));
    ++offset;
  }
  TokenPrinter(payload, offset, out).run();
}

void append_flusher(std::string& out, ByteView rest) {
  if (rest.empty()) {
    append_line(out, 0, "!! broken:", "the flusher is missing");
    return;
  }
  append_line(out, kTokenColumn, hex(rest.first(1)), "flusher");
  if (rest.size() > 1) {
    append_line(out, 0, "!! broken:", std::to_string(rest.size() - 1) + " bytes behind the frame");
  }
}

}  // namespace

std::string dump_frame(ByteView frame) {
  std::string out = hex_lines(frame);
  if (frame.size() < kFrameHeaderSize) {
    append_line(out, 0, "!! broken:",
                "a frame header has 5 bytes, here are " + std::to_string(frame.size()));
    return out;
  }
  const std::size_t length = load_be32(frame.data());
  const ByteView rest = frame.subspan(kFrameHeaderSize);
  ByteView payload = rest.first(std::min(length, rest.size()));
  Result<std::vector<std::uint8_t>> plain;
  if (frame[4] != 0) {
    plain = inflate(payload, kMostInflated);
    if (plain) payload = *plain;
  }
  append_header(out, frame, plain ? payload.size() : 0);
  if (!plain) {
    append_line(out, 0, "!! broken payload:", describe(plain.error()));
  } else {
    append_payload(out, payload);
  }
  append_flusher(out, rest.subspan(std::min(length, rest.size())));
  return out;
}

}  // namespace sinew::wire
