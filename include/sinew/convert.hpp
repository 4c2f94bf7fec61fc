#pragma once

#include <array>
#include <chrono>
#include <complex>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sinew/error.hpp"
#include "sinew/value.hpp"

namespace sinew {

class Object;

/// How values of a C++ type cross. Specialise it for types of your own, with one function or both:
///
///     template <>
///     struct sinew::Converter<Point> {
///       static Value to_value(const Point& p) { return to_value_of_tuple(p.x, p.y); }
///       static Point from_value(const Value& value);  // throws ConversionError
///     };
///
/// | C++ | Python |
/// | --- | --- |
/// | bool, any integer type, float and double, std::complex | bool, int, float, complex |
/// | std::string, std::string_view, const char* (UTF-8) | str |
/// | std::vector or std::span of std::byte or of std::uint8_t | bytes |
/// | std::nullptr_t, std::monostate, an empty std::optional | None |
/// | std::pair, std::tuple, std::array, std::vector | tuple; also read from a list and the like |
/// | std::set | frozenset; also read from a set |
/// | std::variant | what it holds; read as the first alternative that fits |
/// | std::chrono::duration | seconds, as time.sleep() takes them |
/// | Value, Object | what they hold |
///
/// Views (std::string_view, std::span, const char*) can be sent, not received: nobody would own
/// what they point to.
template <class T>
struct Converter;

/// What can be an argument.
template <class T>
concept Sendable = requires(std::decay_t<T> value) {
  { Converter<std::decay_t<T>>::to_value(std::move(value)) } -> std::same_as<Value>;
};

/// What can be the type of a result.
template <class T>
concept Receivable = std::is_void_v<T> || requires(const Value& value) {
  { Converter<T>::from_value(value) } -> std::same_as<T>;
};

template <Sendable T>
Value to_value(T&& value) {
  return Converter<std::decay_t<T>>::to_value(std::forward<T>(value));
}

/// Throws ConversionError.
template <Receivable T>
T from_value(const Value& value) {
  if constexpr (!std::is_void_v<T>) return Converter<T>::from_value(value);
}

namespace detail {

/// Throws the error of a value that is no `wanted`.
[[noreturn]] void refuse_conversion(const Value& value, std::string_view wanted);

/// Throws the error of an integer that does not fit.
[[noreturn]] void refuse_integer(const Value& value, std::size_t bits, bool is_signed);

std::int64_t signed_integer(const Value& value, std::size_t bits);
std::uint64_t unsigned_integer(const Value& value, std::size_t bits);
double real_number(const Value& value);

/// The items of a tuple or a frozen set; of a reference, the items of the peer's container, which
/// are fetched.
std::vector<Value> items_of(const Value& value);

template <class T>
concept Byte =
    std::same_as<std::remove_cv_t<T>, std::byte> || std::same_as<std::remove_cv_t<T>, std::uint8_t>;

template <Byte T>
std::span<const std::uint8_t> bytes_of(std::span<const T> bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace detail

template <>
struct Converter<Value> {
  static Value to_value(Value value) { return value; }
  static Value from_value(const Value& value) { return value; }
};

template <>
struct Converter<bool> {
  static Value to_value(bool value) { return value; }
  static bool from_value(const Value& value) {
    if (value.kind() == ValueKind::kTrue) return true;
    if (value.kind() != ValueKind::kFalse) detail::refuse_conversion(value, "a bool");
    return false;
  }
};

template <IntegerType T>
struct Converter<T> {
  static Value to_value(T value) { return value; }
  static T from_value(const Value& value) {
    constexpr std::size_t kBits = sizeof(T) * 8;
    if constexpr (std::signed_integral<T>) {
      return static_cast<T>(detail::signed_integer(value, kBits));
    } else {
      return static_cast<T>(detail::unsigned_integer(value, kBits));
    }
  }
};

template <std::floating_point T>
struct Converter<T> {
  static Value to_value(T value) { return static_cast<double>(value); }
  static T from_value(const Value& value) { return static_cast<T>(detail::real_number(value)); }
};

template <std::floating_point T>
struct Converter<std::complex<T>> {
  static Value to_value(std::complex<T> value) {
    return ComplexParts{static_cast<double>(value.real()), static_cast<double>(value.imag())};
  }
  static std::complex<T> from_value(const Value& value) {
    if (value.kind() != ValueKind::kComplex) return Converter<T>::from_value(value);
    return {static_cast<T>(value.complex().real), static_cast<T>(value.complex().imaginary)};
  }
};

template <>
struct Converter<std::string> {
  static Value to_value(std::string text) { return text; }
  static std::string from_value(const Value& value) {
    if (value.kind() != ValueKind::kText) detail::refuse_conversion(value, "a str");
    return std::string(value.text());
  }
};

template <>
struct Converter<std::string_view> {
  static Value to_value(std::string_view text) { return text; }
};

template <>
struct Converter<const char*> {
  static Value to_value(const char* text) { return text; }
};

template <>
struct Converter<std::nullptr_t> {
  static Value to_value(std::nullptr_t) { return {}; }
};

template <>
struct Converter<std::monostate> {
  static Value to_value(std::monostate) { return {}; }
  static std::monostate from_value(const Value& value) {
    if (!value.is_none()) detail::refuse_conversion(value, "None");
    return {};
  }
};

template <class T>
struct Converter<std::optional<T>> {
  static Value to_value(const std::optional<T>& value)
    requires Sendable<T>
  {
    return value ? sinew::to_value(*value) : Value();
  }
  static std::optional<T> from_value(const Value& value)
    requires Receivable<T>
  {
    if (value.is_none()) return std::nullopt;
    return Converter<T>::from_value(value);
  }
};

template <detail::Byte T, std::size_t N>
struct Converter<std::span<T, N>> {
  static Value to_value(std::span<T, N> bytes) {
    return Value::bytes(detail::bytes_of(std::span<const T>(bytes)));
  }
};

template <detail::Byte T>
struct Converter<std::vector<T>> {
  static Value to_value(const std::vector<T>& bytes) {
    return Value::bytes(detail::bytes_of(std::span<const T>(bytes)));
  }
  static std::vector<T> from_value(const Value& value) {
    if (value.kind() != ValueKind::kBytes) detail::refuse_conversion(value, "bytes");
    const auto bytes = std::as_bytes(value.bytes());
    const auto* const first = reinterpret_cast<const T*>(bytes.data());
    return std::vector<T>(first, first + bytes.size());
  }
};

template <class T>
  requires(!detail::Byte<T>)
struct Converter<std::vector<T>> {
  static Value to_value(const std::vector<T>& items)
    requires Sendable<T>
  {
    std::vector<Value> values;
    values.reserve(items.size());
    for (const T& item : items) values.push_back(sinew::to_value(item));
    return Value::tuple(std::move(values));
  }
  static std::vector<T> from_value(const Value& value)
    requires Receivable<T>
  {
    std::vector<T> items;
    for (const Value& item : detail::items_of(value)) {
      items.push_back(Converter<T>::from_value(item));
    }
    return items;
  }
};

template <class T>
struct Converter<std::set<T>> {
  static Value to_value(const std::set<T>& members)
    requires Sendable<T>
  {
    std::vector<Value> values;
    values.reserve(members.size());
    for (const T& member : members) values.push_back(sinew::to_value(member));
    return Value::frozen_set(std::move(values));
  }
  static std::set<T> from_value(const Value& value)
    requires Receivable<T>
  {
    std::set<T> members;
    for (const Value& item : detail::items_of(value)) {
      members.insert(Converter<T>::from_value(item));
    }
    return members;
  }
};

namespace detail {

/// std::tuple, std::pair and std::array cross as tuples of their size.
template <class Tuple>
struct TupleConverter {
  static constexpr std::size_t kSize = std::tuple_size_v<Tuple>;

  static Value to_value(const Tuple& tuple) {
    return std::apply(
        [](const auto&... items) { return Value::tuple({sinew::to_value(items)...}); }, tuple);
  }
  static Tuple from_value(const Value& value) {
    const std::vector<Value> items = items_of(value);
    if (items.size() != kSize) {
      refuse_conversion(value, "a tuple of " + std::to_string(kSize));
    }
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Tuple{Converter<std::tuple_element_t<I, Tuple>>::from_value(items[I])...};
    }(std::make_index_sequence<kSize>());
  }
};

}  // namespace detail

template <class... T>
struct Converter<std::tuple<T...>> : detail::TupleConverter<std::tuple<T...>> {};
template <class A, class B>
struct Converter<std::pair<A, B>> : detail::TupleConverter<std::pair<A, B>> {};
template <class T, std::size_t N>
struct Converter<std::array<T, N>> : detail::TupleConverter<std::array<T, N>> {};

template <class... T>
struct Converter<std::variant<T...>> {
  static Value to_value(const std::variant<T...>& value)
    requires(Sendable<T> && ...)
  {
    return std::visit([](const auto& held) { return sinew::to_value(held); }, value);
  }
  static std::variant<T...> from_value(const Value& value)
    requires(Receivable<T> && ...)
  {
    std::optional<std::variant<T...>> found;
    (void)(try_one<T>(value, found) || ...);
    if (!found) detail::refuse_conversion(value, "one of the alternatives of a std::variant");
    return *std::move(found);
  }

 private:
  template <class One>
  static bool try_one(const Value& value, std::optional<std::variant<T...>>& found) {
    try {
      found.emplace(Converter<One>::from_value(value));
      return true;
    } catch (const ConversionError&) {
      return false;
    }
  }
};

template <class Rep, class Period>
struct Converter<std::chrono::duration<Rep, Period>> {
  using Seconds = std::chrono::duration<double>;

  static Value to_value(std::chrono::duration<Rep, Period> duration) {
    return Seconds(duration).count();
  }
  static std::chrono::duration<Rep, Period> from_value(const Value& value) {
    return std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(
        Seconds(detail::real_number(value)));
  }
};

}  // namespace sinew
