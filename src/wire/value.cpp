#include "wire/value.h"

#include <algorithm>
#include <cstring>

#include "wire/brine_decimal.h"

namespace sinew {
namespace {

using Kind = ValueKind;

/// Whether the order of something inside is not to be seen.
bool holds_set(const Value& value) {
  return value.kind() == Kind::kFrozenSet || std::ranges::any_of(value.items(), holds_set);
}

}  // namespace

Value::Value(Kind kind, std::string content) : kind_(kind) {
  if (content.size() < wire::kBorrowThreshold) {
    data_ = std::move(content);
  } else {
    data_ = std::make_shared<const std::string>(std::move(content));
  }
}

Value Value::slice(Value start, Value stop, Value step) {
  std::vector<Value> parts;
  parts.reserve(3);
  parts.push_back(std::move(start));
  parts.push_back(std::move(stop));
  parts.push_back(std::move(step));
  return {Kind::kSlice, std::move(parts)};
}

Value Value::from_decimal(std::string_view decimal) {
  const auto number = wire::parse_decimal(decimal);
  if (number && number->fits) return {number->value};
  const bool negative = decimal.starts_with('-');
  decimal.remove_prefix(std::min(decimal.find_first_not_of("-0"), decimal.size()));
  return {Kind::kInteger, (negative ? "-" : "") + std::string(decimal)};
}

std::optional<std::int64_t> Value::integer() const {
  if (const auto* small = std::get_if<std::int64_t>(&data_)) return *small;
  return std::nullopt;
}

std::string Value::decimal() const {
  if (const auto* small = std::get_if<std::int64_t>(&data_)) return std::to_string(*small);
  return std::string(content());
}

std::string_view Value::content() const {
  if (const auto* text = std::get_if<std::string>(&data_)) return *text;
  if (const auto* kept = std::get_if<Kept>(&data_)) return kept->bytes;
  return *std::get<SharedText>(data_);
}

std::span<const Value> Value::items() const noexcept {
  const auto* items = std::get_if<Items>(&data_);
  return items && *items ? std::span<const Value>(**items) : std::span<const Value>();
}

std::shared_ptr<const void> Value::owner() const noexcept {
  if (const auto* kept = std::get_if<Kept>(&data_)) return kept->owner;
  const auto* shared = std::get_if<SharedText>(&data_);
  return shared ? *shared : nullptr;
}

// Sets are brought into one order first, from the inside out, and then everything is compared as it
// stands: sorting within each comparison would cost the more the deeper sets are nested.
std::strong_ordering operator<=>(const Value& a, const Value& b) {
  if (a.kind_ != b.kind_) return a.kind_ <=> b.kind_;
  if (!holds_set(a) || !holds_set(b)) return Value::compare(a, b);
  return Value::compare(a.canonical(), b.canonical());
}

Value Value::canonical() const {
  if (!holds_set(*this)) return *this;
  std::vector<Value> parts;
  parts.reserve(items().size());
  for (const Value& item : items()) parts.push_back(item.canonical());
  if (kind_ == Kind::kFrozenSet) {
    std::ranges::sort(parts, [](const Value& a, const Value& b) { return compare(a, b) < 0; });
    const auto doubles = std::ranges::unique(
        parts, [](const Value& a, const Value& b) { return compare(a, b) == 0; });
    parts.erase(doubles.begin(), doubles.end());
  }
  return {kind_, std::move(parts)};
}

std::strong_ordering Value::compare(const Value& a, const Value& b) {
  if (a.kind_ != b.kind_) return a.kind_ <=> b.kind_;
  switch (a.kind_) {
    case Kind::kInteger:
      if (a.integer() && b.integer()) return *a.integer() <=> *b.integer();
      return a.decimal() <=> b.decimal();  // in no numeric order, which is not promised
    case Kind::kReal: return std::strong_order(a.real(), b.real());
    case Kind::kComplex: {
      const auto real = std::strong_order(a.complex().real, b.complex().real);
      return real != 0 ? real : std::strong_order(a.complex().imaginary, b.complex().imaginary);
    }
    case Kind::kText:
    case Kind::kBytes: return a.content() <=> b.content();
    case Kind::kTuple:
    case Kind::kSlice:
    case Kind::kFrozenSet: {
      const auto left = a.items();
      const auto right = b.items();
      return std::lexicographical_compare_three_way(left.begin(), left.end(), right.begin(),
                                                    right.end(), compare);
    }
    case Kind::kOther: {
      const auto id = a.opaque().id <=> b.opaque().id;
      return id != 0 ? id : a.opaque().object <=> b.opaque().object;
    }
    default: return std::strong_ordering::equal;
  }
}

}  // namespace sinew

namespace sinew::wire {
namespace {

/// Bytes of the UTF-8 sequence that begins with `lead` and goes on in `rest`; 0 if it is malformed.
/// The table is Unicode's "well-formed UTF-8 byte sequences".
std::size_t sequence_length(std::uint8_t lead, ByteView rest) noexcept {
  const auto follows = [rest](std::size_t at, std::uint8_t low, std::uint8_t high) {
    return at < rest.size() && rest[at] >= low && rest[at] <= high;
  };
  const auto tail = [&follows](std::size_t at) { return follows(at, 0x80, 0xbf); };
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return tail(0) ? 2 : 0;
  if (lead < 0xf0) {
    const std::uint8_t low = lead == 0xe0 ? 0xa0 : 0x80;   // no over-long forms
    const std::uint8_t high = lead == 0xed ? 0x9f : 0xbf;  // no surrogates
    return follows(0, low, high) && tail(1) ? 3 : 0;
  }
  if (lead > 0xf4) return 0;
  const std::uint8_t low = lead == 0xf0 ? 0x90 : 0x80;
  const std::uint8_t high = lead == 0xf4 ? 0x8f : 0xbf;  // nothing beyond U+10FFFF
  return follows(0, low, high) && tail(1) && tail(2) ? 4 : 0;
}

}  // namespace

ValueModel::Handle ValueModel::make_text(ByteView utf8) {
  if (!is_utf8(utf8)) return std::nullopt;
  return Value(as_text(utf8));
}

ValueModel::Handle ValueModel::make_frozen_set(Handle&& tuple) {
  const auto members = tuple->items();
  return Value::frozen_set({members.begin(), members.end()});
}

Result<void> ValueModel::decimal(Ref ref, std::string& text) const {
  text += ref->decimal();
  return {};
}

Result<ByteView> ValueModel::text(Ref ref) const {
  const ByteView utf8 = as_bytes(ref->text());
  if (!is_utf8(utf8)) return fail(Errc::kBadText);
  return utf8;
}

ValueModel::Handle ValueModel::set_items(Ref ref) const {
  const auto members = ref->items();
  return Value::tuple({members.begin(), members.end()});
}

bool is_utf8(ByteView bytes) noexcept {
  while (!bytes.empty()) {
    std::uint64_t eight = 0;
    if (bytes.size() >= sizeof eight) {  // mostly ASCII, eight at a time
      std::memcpy(&eight, bytes.data(), sizeof eight);
      if (!(eight & 0x8080808080808080)) {
        bytes = bytes.subspan(sizeof eight);
        continue;
      }
    }
    const std::size_t length = sequence_length(bytes[0], bytes.subspan(1));
    if (length == 0) return false;
    bytes = bytes.subspan(length);
  }
  return true;
}

}  // namespace sinew::wire
