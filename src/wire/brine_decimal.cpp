#include "wire/brine_decimal.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include "wire/brine_tokens.h"

namespace sinew::wire {
namespace {

/// The longest text that cannot overflow 64 bits whatever its digits are.
constexpr std::size_t kSafeDigits = 18;

constexpr auto kPowersOfTen = [] {
  std::array<std::uint64_t, 20> powers{};
  std::uint64_t power = 1;
  for (std::uint64_t& entry : powers) {
    entry = power;
    power *= 10;
  }
  return powers;
}();

/// The first eight characters; there must be so many.
std::uint64_t load_eight(std::string_view text) noexcept {
  std::uint64_t chunk = 0;
  std::memcpy(&chunk, text.data(), sizeof chunk);
  return chunk;
}

constexpr std::uint64_t kEightZeros = 0x3030303030303030;

/// Eight ASCII digits at once, the first in the lowest byte. False if one of them is no digit.
bool parse_eight(std::uint64_t chunk, std::uint64_t& value) noexcept {
  constexpr std::uint64_t kHigh = 0xf0f0f0f0f0f0f0f0;
  const std::uint64_t raised = chunk + 0x0606060606060606;  // 3a to 3f become 40 to 45
  if (((chunk & kHigh) ^ kEightZeros) | ((raised & kHigh) ^ kEightZeros)) return false;
  chunk -= kEightZeros;
  chunk = chunk * 10 + (chunk >> 8);  // pairs, in every other byte
  constexpr std::uint64_t kMask = 0x000000ff000000ff;
  value = (((chunk & kMask) * (100 + (1000000ULL << 32))) +
           (((chunk >> 16) & kMask) * (1 + (10000ULL << 32)))) >>
          32;
  return true;
}

/// Digits to a number, wrapping beyond 64 bits. False if something is no digit.
///
/// Object ids of 14 and 15 digits are the bulk of a typical call message. Two halves of eight take
/// 6 ns, the second one overlapping the first with what was read already put to zero; digit by
/// digit it is 11 ns.
bool parse_digits(std::string_view digits, std::uint64_t& value) noexcept {
  value = 0;
  while (digits.size() >= 8) {
    std::uint64_t eight = 0;
    if (!parse_eight(load_eight(digits), eight)) return false;
    value = value * 100000000 + eight;
    digits.remove_prefix(8);
    if (digits.size() > 2 && digits.size() < 8) {
      const std::uint64_t read = (std::uint64_t{1} << (8 * (8 - digits.size()))) - 1;
      const std::uint64_t chunk = load_eight({digits.data() + digits.size() - 8, 8});
      if (!parse_eight((chunk & ~read) | (kEightZeros & read), eight)) return false;
      value = value * kPowersOfTen[digits.size()] + eight;
      return true;
    }
  }
  for (const char c : digits) {
    const auto digit = static_cast<unsigned char>(c - '0');
    if (digit > 9) return false;
    value = value * 10 + digit;
  }
  return true;
}

/// Texts that may be too long for 64 bits. `digits` have been checked and stand at the end of
/// `text`; `wrapped` is their value modulo 2^64.
IntegerText classify_long(std::string_view text, std::string_view digits, bool negative,
                          std::uint64_t wrapped) noexcept {
  constexpr std::string_view kMax = "9223372036854775807";
  constexpr std::string_view kMin = "9223372036854775808";
  const std::size_t zeros = digits.find_first_not_of('0');
  digits.remove_prefix(zeros == std::string_view::npos ? digits.size() : zeros);
  const std::string_view bound = negative ? kMin : kMax;
  if (digits.size() > bound.size() || (digits.size() == bound.size() && digits > bound)) {
    return {text, 0, false};
  }
  return {text, static_cast<std::int64_t>(negative ? 0 - wrapped : wrapped), true};
}

constexpr auto kDigitPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

std::size_t count_digits(std::uint64_t value) noexcept {
  // bit_width * log10(2), rounded down, is the count or one less.
  const auto guess = static_cast<std::size_t>(std::bit_width(value | 1)) * 1233 >> 12;
  return guess + (value >= kPowersOfTen[guess] ? 1 : 0);
}

/// Writes the digits of `value` so that they end before `end`.
void put_digits(std::uint8_t* end, std::uint64_t value) noexcept {
  while (value >= 100) {
    end -= 2;
    std::memcpy(end, &kDigitPairs[2 * (value % 100)], 2);
    value /= 100;
  }
  if (value >= 10) {
    std::memcpy(end - 2, &kDigitPairs[2 * value], 2);
  } else {
    *(end - 1) = static_cast<std::uint8_t>('0' + value);
  }
}

}  // namespace

Result<IntegerText> parse_decimal(std::string_view text) noexcept {
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  std::uint64_t value = 0;
  if (digits.empty() || !parse_digits(digits, value)) [[unlikely]]
    return fail(Errc::kBadInteger);
  if (digits.size() > kSafeDigits) [[unlikely]] {
    return classify_long(text, digits, negative, value);
  }
  const auto magnitude = static_cast<std::int64_t>(value);
  return IntegerText{text, negative ? -magnitude : magnitude, true};
}

void write_decimal(Writer& out, std::int64_t value) {
  const bool negative = value < 0;
  const auto bits = static_cast<std::uint64_t>(value);
  const std::uint64_t magnitude = negative ? 0 - bits : bits;
  const std::size_t size = count_digits(magnitude) + (negative ? 1 : 0);
  std::uint8_t* at = out.extend(2 + size);
  at[0] = kTagIntegerL1;
  at[1] = static_cast<std::uint8_t>(size);
  at[2] = '-';  // overwritten unless negative
  put_digits(at + 2 + size, magnitude);
}

}  // namespace sinew::wire
