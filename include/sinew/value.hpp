#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sinew {

/// What a value is. kOther is everything that has no by-value form.
enum class ValueKind : std::uint8_t {
  kNone,
  kFalse,
  kTrue,
  kNotImplemented,
  kEllipsis,
  kInteger,
  kReal,
  kComplex,
  kText,
  kBytes,
  kTuple,
  kSlice,
  kFrozenSet,
  kOther,
};

struct ComplexParts {
  double real;
  double imaginary;
};

/// Something that has no by-value form, carried by a Value as it is: an object to be sent by
/// reference. Codecs only see that it is ValueKind::kOther.
struct Opaque {
  std::uint64_t id = 0;
  std::shared_ptr<void> object;
};

/// The integer types proper, without bool and the character types.
template <class T>
concept IntegerType = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                      !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                      !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

/// The C++ form of every value that brine can carry; what Python calls None, bool, int, float,
/// complex, str, bytes, tuple, slice, frozenset, Ellipsis and NotImplemented. Immutable but for
/// assignment; a copy shares tuples and large text, so it is cheap. Moved-from values may only be
/// assigned to or destroyed.
///
/// threads: one for a given Value; copies that share content may be on different threads.
class Value {
 public:
  using Kind = ValueKind;

  /// None.
  Value() noexcept = default;

  Value(std::same_as<bool> auto value) noexcept : kind_(value ? Kind::kTrue : Kind::kFalse) {}

  /// Any integer type; what does not fit in int64 becomes a big integer.
  template <IntegerType T>
  Value(T value) : Value(of_integer(value)) {}

  Value(double value) noexcept : kind_(Kind::kReal), data_(value) {}
  Value(ComplexParts value) noexcept : kind_(Kind::kComplex), data_(value) {}

  /// Text; the characters must be UTF-8, which is not checked.
  Value(std::string text) : Value(Kind::kText, std::move(text)) {}
  Value(std::string_view text) : Value(Kind::kText, std::string(text)) {}
  Value(const char* text) : Value(Kind::kText, std::string(text)) {}

  Value(Opaque opaque) noexcept : kind_(Kind::kOther), data_(std::move(opaque)) {}

  static Value none() noexcept { return {}; }
  static Value not_implemented() noexcept { return Value(Kind::kNotImplemented); }
  static Value ellipsis() noexcept { return Value(Kind::kEllipsis); }
  static Value bytes(std::span<const std::uint8_t> content) {
    return {Kind::kBytes,
            std::string(reinterpret_cast<const char*>(content.data()), content.size())};
  }
  /// The same without a copy: they stay where they are, and `owner` keeps them there. Nobody may
  /// change them.
  static Value bytes(std::span<const std::uint8_t> content, std::shared_ptr<const void> owner) {
    Value made(Kind::kBytes);
    made.data_ =
        Kept{{reinterpret_cast<const char*>(content.data()), content.size()}, std::move(owner)};
    return made;
  }
  static Value tuple(std::vector<Value> items) { return {Kind::kTuple, std::move(items)}; }
  static Value slice(Value start, Value stop, Value step);

  /// A frozen set. The members keep their order, which the wire shows, and duplicates stay; both
  /// are invisible to the comparison.
  static Value frozen_set(std::vector<Value> members) {
    return {Kind::kFrozenSet, std::move(members)};
  }

  /// An integer from its decimal text, an optional '-' and digits. Leading zeros and "-0" are
  /// normalised, and what fits in 64 bits is stored as such. Requires that form of `decimal`.
  static Value from_decimal(std::string_view decimal);

  Kind kind() const noexcept { return kind_; }
  bool is_none() const noexcept { return kind_ == Kind::kNone; }

  // Each of the following is for values of the kind in its name only; on others it throws
  // std::bad_variant_access or gives something empty.

  /// The integer when it fits in 64 bits.
  std::optional<std::int64_t> integer() const;
  /// Any integer as decimal text.
  std::string decimal() const;
  double real() const { return std::get<double>(data_); }
  ComplexParts complex() const { return std::get<ComplexParts>(data_); }
  std::string_view text() const { return content(); }
  std::span<const std::uint8_t> bytes() const {
    const std::string_view all = content();
    return {reinterpret_cast<const std::uint8_t*>(all.data()), all.size()};
  }
  /// Items of a tuple, members of a frozen set, or the three parts of a slice.
  std::span<const Value> items() const noexcept;
  const Opaque& opaque() const { return std::get<Opaque>(data_); }

  /// Keeps text() or bytes() where they are. Null for what is small enough to copy.
  std::shared_ptr<const void> owner() const noexcept;

  /// Equal are values of the same kind with the same content. Unlike in Python, 1, True and 1.0
  /// differ, 0.0 and -0.0 differ, and a NaN equals itself: a value always equals its copy. Opaques
  /// are equal when id and object are. The order is arbitrary but total; it serves sorting.
  friend bool operator==(const Value& a, const Value& b) { return (a <=> b) == 0; }
  friend std::strong_ordering operator<=>(const Value& a, const Value& b);

 private:
  using Items = std::shared_ptr<const std::vector<Value>>;
  using SharedText = std::shared_ptr<const std::string>;
  struct Kept {
    std::string_view bytes;
    std::shared_ptr<const void> owner;
  };
  // std::string is text, bytes or the decimal text of a big integer, if it is small enough to copy.
  using Data = std::variant<std::monostate, std::int64_t, double, ComplexParts, std::string,
                            SharedText, Kept, Items, Opaque>;

  explicit Value(Kind kind) noexcept : kind_(kind) {}
  Value(Kind kind, std::string content);
  Value(Kind kind, std::vector<Value> items)
      : kind_(kind), data_(std::make_shared<const std::vector<Value>>(std::move(items))) {}

  template <IntegerType T>
  static Value of_integer(T value) {
    if (!std::in_range<std::int64_t>(value)) return from_decimal(std::to_string(value));
    Value made(Kind::kInteger);
    made.data_ = static_cast<std::int64_t>(value);
    return made;
  }
  std::string_view content() const;
  /// A copy in which the frozen sets have one order and no duplicates.
  Value canonical() const;
  /// Compares as things stand, frozen sets as if they were tuples.
  static std::strong_ordering compare(const Value& a, const Value& b);

  Kind kind_ = Kind::kNone;
  Data data_;
};

/// `value` as Python's repr() writes it, text in UTF-8; an opaque is "<opaque 7>". Members of a
/// frozen set come in the order they are held in.
std::string to_text(const Value& value);

/// Python's repr() of a real number: the shortest decimal text that reads back to the same number,
/// with ".0" where it would look like an integer, and "nan" and "inf".
std::string to_text(double value);

}  // namespace sinew
