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

#include "base/bytes.h"
#include "base/errc.h"
#include "wire/object_model.h"

namespace sinew::wire {

/// Something that has no by-value form, carried by a Value as it is: an object to be boxed by
/// reference. The codecs only see that it is Kind::kOther.
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
  static Value bytes(ByteView content) { return {Kind::kBytes, std::string(as_text(content))}; }
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
  ByteView bytes() const { return as_bytes(content()); }
  /// Items of a tuple, members of a frozen set, or the three parts of a slice.
  std::span<const Value> items() const noexcept;
  const Opaque& opaque() const { return std::get<Opaque>(data_); }

  /// Keeps text() or bytes() where they are. Null below kBorrowThreshold bytes.
  std::shared_ptr<const void> owner() const noexcept;

  /// Equal are values of the same kind with the same content. Unlike in Python, 1, True and 1.0
  /// differ, 0.0 and -0.0 differ, and a NaN equals itself: a value always equals its copy. Opaques
  /// are equal when id and object are. The order is arbitrary but total; it serves sorting.
  friend bool operator==(const Value& a, const Value& b) { return (a <=> b) == 0; }
  friend std::strong_ordering operator<=>(const Value& a, const Value& b);

 private:
  using Items = std::shared_ptr<const std::vector<Value>>;
  using SharedText = std::shared_ptr<const std::string>;
  // std::string is text, bytes or the decimal text of a big integer, below kBorrowThreshold.
  using Data = std::variant<std::monostate, std::int64_t, double, ComplexParts, std::string,
                            SharedText, Items, Opaque>;

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

/// The ObjectModel of the C++ side: values are Value. Text is checked to be UTF-8 in both
/// directions; nothing else can fail but by std::bad_alloc.
///
/// threads: one; it has no state.
class ValueModel {
 public:
  using Handle = std::optional<Value>;
  using Ref = const Value*;

  class TupleBuilder {
   public:
    explicit TupleBuilder(std::size_t count) { items_.reserve(count); }
    void add(Handle&& item) { items_.push_back(*std::move(item)); }

   private:
    friend class ValueModel;
    std::vector<Value> items_;
  };

  Handle make_none() { return Value::none(); }
  Handle make_bool(bool value) { return Value(value); }
  Handle make_not_implemented() { return Value::not_implemented(); }
  Handle make_ellipsis() { return Value::ellipsis(); }
  Handle make_integer(std::int64_t value) { return Value(value); }
  Handle make_big_integer(std::string_view decimal) { return Value::from_decimal(decimal); }
  Handle make_real(double value) { return Value(value); }
  Handle make_complex(ComplexParts value) { return Value(value); }
  Handle make_text(ByteView utf8);
  Handle make_bytes(ByteView bytes) { return Value::bytes(bytes); }
  TupleBuilder begin_tuple(std::size_t count) { return TupleBuilder(count); }
  Handle end_tuple(TupleBuilder&& builder) { return Value::tuple(std::move(builder.items_)); }
  Handle make_slice(Handle&& start, Handle&& stop, Handle&& step) {
    return Value::slice(*std::move(start), *std::move(stop), *std::move(step));
  }
  Handle make_frozen_set(Handle&& tuple);

  Kind kind(Ref ref) const noexcept { return ref->kind(); }
  std::optional<std::int64_t> small_integer(Ref ref) const { return ref->integer(); }
  Result<void> decimal(Ref ref, std::string& text) const;
  double real(Ref ref) const { return ref->real(); }
  ComplexParts complex(Ref ref) const { return ref->complex(); }
  Result<ByteView> text(Ref ref) const;  // kBadText unless it is UTF-8
  ByteView bytes(Ref ref) const { return ref->bytes(); }
  std::shared_ptr<const void> owner(Ref ref) const noexcept { return ref->owner(); }
  std::size_t tuple_size(Ref ref) const noexcept { return ref->items().size(); }
  Ref tuple_item(Ref ref, std::size_t index) const noexcept { return &ref->items()[index]; }
  Ref slice_part(Ref ref, std::size_t index) const noexcept { return &ref->items()[index]; }
  Handle set_items(Ref ref) const;
  Ref ref(const Handle& handle) const noexcept { return &*handle; }
};

static_assert(ObjectModel<ValueModel>);

/// Whether `bytes` are well-formed UTF-8: no over-long forms, no surrogates, nothing beyond
/// U+10FFFF; what Python's strict decoder accepts.
bool is_utf8(ByteView bytes) noexcept;

}  // namespace sinew::wire
