#include "cli/string_literal.h"

#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "cli/exit_codes.h"

namespace sinew::cli {
namespace {

struct Prefix {
  std::size_t size = 0;
  bool is_raw = false;
  bool is_bytes = false;
};

// Nothing if what stands there is no prefix and no quote.
std::optional<Prefix> prefix_at(std::string_view text) {
  Prefix found;
  for (; found.size < 3 && found.size < text.size(); ++found.size) {
    switch (text[found.size]) {
      case '"':
      case '\'': return found;
      case 'b':
      case 'B':
        if (found.is_bytes) return std::nullopt;
        found.is_bytes = true;
        break;
      case 'r':
      case 'R':
        if (found.is_raw) return std::nullopt;
        found.is_raw = true;
        break;
      case 'u':
      case 'U':
        if (found.size != 0) return std::nullopt;
        break;
      default: return std::nullopt;
    }
  }
  return std::nullopt;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto add = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | (code >> 6));
    add(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    add(0xE0 | (code >> 12));
    add(0x80 | ((code >> 6) & 0x3F));
    add(0x80 | (code & 0x3F));
  } else {
    add(0xF0 | (code >> 18));
    add(0x80 | ((code >> 12) & 0x3F));
    add(0x80 | ((code >> 6) & 0x3F));
    add(0x80 | (code & 0x3F));
  }
}

class Reader {
 public:
  Reader(std::string_view text, std::size_t at, Prefix prefix)
      : text_(text), begin_(at), at_(at + prefix.size), prefix_(prefix) {}

  Value read() {
    const char quote = text_[at_];
    const std::string_view three(text_.substr(at_, 3));
    const bool is_long = three.size() == 3 && three[1] == quote && three[2] == quote;
    const std::string_view closing = is_long ? three : three.substr(0, 1);
    at_ += closing.size();
    while (text_.substr(at_, closing.size()) != closing) {
      if (at_ >= text_.size() || (!is_long && text_[at_] == '\n')) fail("a string does not end");
      take_one();
    }
    at_ += closing.size();
    if (!prefix_.is_bytes) return std::move(content_);
    return Value::bytes({reinterpret_cast<const std::uint8_t*>(content_.data()), content_.size()});
  }

  std::size_t end() const noexcept { return at_; }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw UsageError(fmt::format("{}: {}", what, text_.substr(begin_, 40)));
  }

  void take_one() {
    const char c = text_[at_++];
    if (prefix_.is_bytes && static_cast<unsigned char>(c) > 0x7F) {
      fail("bytes are written in ASCII and escapes");
    }
    if (c != '\\') {
      content_ += c;
      return;
    }
    if (at_ >= text_.size()) fail("a string does not end");
    if (prefix_.is_raw) {
      content_ += c;
      content_ += text_[at_++];
      return;
    }
    escape(text_[at_++]);
  }

  void escape(char letter) {
    switch (letter) {
      case '\n': return;
      case 'a': content_ += '\a'; return;
      case 'b': content_ += '\b'; return;
      case 'f': content_ += '\f'; return;
      case 'n': content_ += '\n'; return;
      case 'r': content_ += '\r'; return;
      case 't': content_ += '\t'; return;
      case 'v': content_ += '\v'; return;
      case '\\':
      case '\'':
      case '"': content_ += letter; return;
      case 'x': add(hexadecimal(2)); return;
      case 'u':
        if (!prefix_.is_bytes) return add(hexadecimal(4));
        break;
      case 'U':
        if (!prefix_.is_bytes) return add(hexadecimal(8));
        break;
      case 'N':
        if (!prefix_.is_bytes) fail("characters have no names here: write \\u and the number");
        break;
      default:
        if (letter >= '0' && letter <= '7') return octal(letter);
        break;
    }
    content_ += '\\';  // Python keeps what it does not know
    content_ += letter;
  }

  void octal(char first) {
    auto code = static_cast<std::uint32_t>(first - '0');
    for (int more = 0; more < 2 && at_ < text_.size(); ++more) {
      const char c = text_[at_];
      if (c < '0' || c > '7') break;
      code = code * 8 + static_cast<std::uint32_t>(c - '0');
      ++at_;
    }
    if (prefix_.is_bytes && code > 0xFF) fail("an octal escape is larger than a byte");
    add(code);
  }

  std::uint32_t hexadecimal(std::size_t digits) {
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < digits; ++i, ++at_) {
      const char c = at_ < text_.size() ? text_[at_] : '\0';
      const char low = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        code = code * 16 + static_cast<std::uint32_t>(c - '0');
      } else if (low >= 'a' && low <= 'f') {
        code = code * 16 + static_cast<std::uint32_t>(low - 'a' + 10);
      } else {
        fail(fmt::format("an escape wants {} hexadecimal digits", digits));
      }
    }
    return code;
  }

  void add(std::uint32_t code) {
    if (prefix_.is_bytes) {
      content_ += static_cast<char>(code);
      return;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) fail("there is no such character");
    append_utf8(content_, code);
  }

  const std::string_view text_;
  const std::size_t begin_;
  std::size_t at_;
  const Prefix prefix_;
  std::string content_;
};

}  // namespace

std::optional<Value> read_string_literal(std::string_view text, std::size_t& at) {
  const auto prefix = prefix_at(text.substr(at));
  if (!prefix) return std::nullopt;
  Reader reader(text, at, *prefix);
  Value value = reader.read();
  at = reader.end();
  return value;
}

}  // namespace sinew::cli
