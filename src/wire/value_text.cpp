#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "wire/value.h"

namespace sinew {
namespace {

using Kind = ValueKind;

constexpr std::string_view kHexDigits = "0123456789abcdef";

void append_hex_escape(std::string& out, unsigned char byte) {
  out += "\\x";
  out += kHexDigits[byte >> 4];
  out += kHexDigits[byte & 15];
}

/// Python prefers single quotes, unless the text has those and no double ones.
char quote_for(std::string_view text) noexcept {
  return text.contains('\'') && !text.contains('"') ? '"' : '\'';
}

/// Escapes that text and bytes have in common. False if `c` needs none of them.
bool append_common_escape(std::string& out, char c, char quote) {
  if (c == quote || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
    append_hex_escape(out, static_cast<unsigned char>(c));
  } else {
    return false;
  }
  return true;
}

/// The text's repr. Of the characters beyond ASCII only the controls U+0080 to U+00A0 and the soft
/// hyphen are escaped, not everything that Unicode calls unprintable.
void append_text(std::string& out, std::string_view text) {
  const char quote = quote_for(text);
  out += quote;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (append_common_escape(out, text[i], quote)) continue;
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0u;
    if (text[i] == '\xc2' && next >= 0x80 && (next <= 0xa0 || next == 0xad)) {
      append_hex_escape(out, static_cast<unsigned char>(next));
      ++i;
    } else {
      out += text[i];
    }
  }
  out += quote;
}

void append_bytes(std::string& out, ByteView bytes) {
  const char quote = quote_for(as_text(bytes));
  out += 'b';
  out += quote;
  for (const char c : as_text(bytes)) {
    if (append_common_escape(out, c, quote)) continue;
    if (static_cast<unsigned char>(c) < 0x80) {
      out += c;
    } else {
      append_hex_escape(out, static_cast<unsigned char>(c));
    }
  }
  out += quote;
}

/// The shortest digits of a finite number and where the decimal point is: 0.`digits` times
/// ten to the power of `point`.
struct Decimal {
  std::string digits;
  int point;
};

Decimal shortest(double magnitude) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude,
                                 std::chars_format::scientific);
  const std::string_view text(buffer.data(), end.ptr);  // d.ddde+xx
  const std::size_t e = text.find('e');
  Decimal decimal{std::string(text.substr(0, e)), 0};
  std::erase(decimal.digits, '.');
  const bool below_one = text[e + 1] == '-';
  std::from_chars(text.data() + e + 2, end.ptr, decimal.point);
  decimal.point = (below_one ? -decimal.point : decimal.point) + 1;
  return decimal;
}

/// repr() of a real; `whole_suffix` is what follows digits that look like an integer.
std::string real_text(double value, std::string_view whole_suffix) {
  if (std::isnan(value)) return "nan";
  std::string out = std::signbit(value) ? "-" : "";
  if (std::isinf(value)) return out += "inf";
  auto [digits, point] = shortest(std::fabs(value));
  const int count = static_cast<int>(digits.size());
  if (point < -3 || point > 16) {  // Python's bounds for the exponent
    const int exponent = point - 1;
    out += digits.substr(0, 1);
    if (count > 1) out += '.' + digits.substr(1);
    out += exponent < 0 ? "e-" : "e+";
    const std::string power = std::to_string(std::abs(exponent));
    return out += (power.size() < 2 ? "0" : "") + power;
  }
  if (point <= 0) {
    return out += "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  }
  if (count <= point) {
    out += digits + std::string(static_cast<std::size_t>(point - count), '0');
    return out += whole_suffix;
  }
  digits.insert(static_cast<std::size_t>(point), ".");
  return out += digits;
}

std::string complex_text(ComplexParts parts) {
  std::string imaginary = real_text(parts.imaginary, "") + "j";
  if (parts.real == 0 && !std::signbit(parts.real)) return imaginary;
  const bool signed_already = imaginary.starts_with('-');
  return "(" + real_text(parts.real, "") + (signed_already ? "" : "+") + imaginary + ")";
}

void append_value(std::string& out, const Value& value);

void append_items(std::string& out, std::span<const Value> items) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) out += ", ";
    first = false;
    append_value(out, item);
  }
}

void append_enclosed(std::string& out, std::string_view before, std::span<const Value> items,
                     std::string_view after) {
  out += before;
  append_items(out, items);
  out += after;
}

void append_value(std::string& out, const Value& value) {
  const auto items = value.items();
  switch (value.kind()) {
    case Kind::kNone: out += "None"; return;
    case Kind::kFalse: out += "False"; return;
    case Kind::kTrue: out += "True"; return;
    case Kind::kNotImplemented: out += "NotImplemented"; return;
    case Kind::kEllipsis: out += "Ellipsis"; return;
    case Kind::kInteger: out += value.decimal(); return;
    case Kind::kReal: out += to_text(value.real()); return;
    case Kind::kComplex: out += complex_text(value.complex()); return;
    case Kind::kText: append_text(out, value.text()); return;
    case Kind::kBytes: append_bytes(out, value.bytes()); return;
    case Kind::kTuple: append_enclosed(out, "(", items, items.size() == 1 ? ",)" : ")"); return;
    case Kind::kSlice: append_enclosed(out, "slice(", items, ")"); return;
    case Kind::kFrozenSet:
      if (items.empty()) {
        out += "frozenset()";
      } else {
        append_enclosed(out, "frozenset({", items, "})");
      }
      return;
    case Kind::kOther: out += "<opaque " + std::to_string(value.opaque().id) + ">"; return;
  }
}

}  // namespace

std::string to_text(const Value& value) {
  std::string out;
  append_value(out, value);
  return out;
}

std::string to_text(double value) { return real_text(value, ".0"); }

}  // namespace sinew
