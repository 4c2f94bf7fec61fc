#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <complex>
#include <concepts>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
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
///       static Value to_value(const Point& p) { return sinew::to_value(std::pair(p.x, p.y)); }
///       static Point from_value(const Value& value);  // throws ConversionError
///     };
///
/// | C++ | Python |
/// | --- | --- |
/// | bool, any integer type, float and double, std::complex | bool, int, float, complex |
/// | std::string, std::string_view, const char* (UTF-8) | str |
/// | std::vector or std::span of std::byte or of std::uint8_t | bytes |
/// | std::array of std::byte or of std::uint8_t | bytes of that size |
/// | std::nullptr_t, std::nullopt_t, std::monostate, an empty std::optional | None |
/// | std::pair, std::tuple, std::array, std::vector, std::deque | tuple; also read from a list |
/// | std::span of anything else that can be sent | tuple |
/// | std::set, std::unordered_set | frozenset; also read from a set |
/// | std::map, std::unordered_map | tuple of pairs, as dict() takes it; also read from a dict |
/// | std::variant | what it holds; read as the first alternative that fits |
/// | std::chrono::duration | seconds, as time.sleep() takes them |
/// | a time of std::chrono::system_clock | seconds since 1970, as time.time() tells them |
/// | std::filesystem::path | str |
/// | Value, Object | what they hold |
///
/// Dictionaries have no form in which they cross as a whole. Bytes (bytes.hpp) cross without being
/// copied. Views (std::string_view, std::span, const char*) can be sent, not received: nobody would
/// own what they point to.
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

namespace detail {

template <class T>
inline constexpr bool kIsView = false;
template <>
inline constexpr bool kIsView<std::string_view> = true;
template <>
inline constexpr bool kIsView<const char*> = true;
template <class T, std::size_t N>
inline constexpr bool kIsView<std::span<T, N>> = true;

/// Says in a sentence why a type cannot be the type of a result.
template <class T>
constexpr void require_receivable() {
  static_assert(!kIsView<T>,
                "a view cannot be received, because nobody would own what it points to: ask for "
                "std::string, std::vector or sinew::Bytes");
  static_assert(kIsView<T> || Receivable<T>,
                "no sinew::Converter receives this type: specialise sinew::Converter for it, with "
                "from_value()");
}

}  // namespace detail

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

/// The pairs of a dictionary of the peer's, which are fetched, or of what items_of() takes.
std::vector<Value> pairs_of(const Value& value);

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
struct Converter<std::nullopt_t> {
  static Value to_value(std::nullopt_t) { return {}; }
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

namespace detail {

/// What has items in an order.
template <class Sequence>
struct SequenceConverter {
  using T = typename Sequence::value_type;

  static Value to_value(const Sequence& items)
    requires Sendable<T>
  {
    return Value::tuple(values_of(items));
  }
  static Sequence from_value(const Value& value)
    requires Receivable<T>
  {
    Sequence items;
    for (const Value& item : items_of(value)) items.push_back(Converter<T>::from_value(item));
    return items;
  }

  static std::vector<Value> values_of(const auto& items) {
    std::vector<Value> values;
    values.reserve(items.size());
    for (const T& item : items) values.push_back(sinew::to_value(item));
    return values;
  }
};

template <class Set>
struct SetConverter {
  using T = typename Set::value_type;

  static Value to_value(const Set& members)
    requires Sendable<T>
  {
    return Value::frozen_set(SequenceConverter<std::vector<T>>::values_of(members));
  }
  static Set from_value(const Value& value)
    requires Receivable<T>
  {
    Set members;
    for (const Value& item : items_of(value)) members.insert(Converter<T>::from_value(item));
    return members;
  }
};

template <class Map>
struct MapConverter {
  using Key = typename Map::key_type;
  using T = typename Map::mapped_type;

  static Value to_value(const Map& entries)
    requires(Sendable<Key> && Sendable<T>)
  {
    std::vector<Value> pairs;
    pairs.reserve(entries.size());
    for (const auto& [key, value] : entries) {
      pairs.push_back(Value::tuple({sinew::to_value(key), sinew::to_value(value)}));
    }
    return Value::tuple(std::move(pairs));
  }
  static Map from_value(const Value& value)
    requires(Receivable<Key> && Receivable<T>)
  {
    Map entries;
    for (const Value& pair : pairs_of(value)) {
      const std::vector<Value> parts = items_of(pair);
      if (parts.size() != 2) refuse_conversion(pair, "a key and its value");
      entries.insert_or_assign(Converter<Key>::from_value(parts[0]),
                               Converter<T>::from_value(parts[1]));
    }
    return entries;
  }
};

}  // namespace detail

template <class T>
  requires(!detail::Byte<T>)
struct Converter<std::vector<T>> : detail::SequenceConverter<std::vector<T>> {};
template <class T>
struct Converter<std::deque<T>> : detail::SequenceConverter<std::deque<T>> {};
template <class T, std::size_t N>
  requires(!detail::Byte<T> && Sendable<std::remove_cv_t<T>>)
struct Converter<std::span<T, N>> {
  static Value to_value(std::span<T, N> items) {
    return Value::tuple(
        detail::SequenceConverter<std::vector<std::remove_cv_t<T>>>::values_of(items));
  }
};

template <class T, class C>
struct Converter<std::set<T, C>> : detail::SetConverter<std::set<T, C>> {};
template <class T, class H, class E>
struct Converter<std::unordered_set<T, H, E>> : detail::SetConverter<std::unordered_set<T, H, E>> {
};
template <class K, class T, class C>
struct Converter<std::map<K, T, C>> : detail::MapConverter<std::map<K, T, C>> {};
template <class K, class T, class H, class E>
struct Converter<std::unordered_map<K, T, H, E>>
    : detail::MapConverter<std::unordered_map<K, T, H, E>> {};

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
template <detail::Byte T, std::size_t N>
struct Converter<std::array<T, N>> {
  static Value to_value(const std::array<T, N>& bytes) {
    return Value::bytes(detail::bytes_of(std::span<const T>(bytes)));
  }
  static std::array<T, N> from_value(const Value& value) {
    if (value.kind() != ValueKind::kBytes || value.bytes().size() != N) {
      detail::refuse_conversion(value, std::to_string(N) + " bytes");
    }
    std::array<T, N> bytes;
    std::ranges::transform(value.bytes(), bytes.begin(), [](std::uint8_t b) { return T{b}; });
    return bytes;
  }
};

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
    using To = std::chrono::duration<Rep, Period>;
    const Seconds seconds(detail::real_number(value));
    const bool fits = seconds > Seconds(To::min()) && seconds < Seconds(To::max());
    if (!fits) detail::refuse_conversion(value, "a time that fits");  // nor is a NaN
    return std::chrono::duration_cast<To>(seconds);
  }
};

template <class Duration>
struct Converter<std::chrono::time_point<std::chrono::system_clock, Duration>> {
  using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;

  static Value to_value(Time time) {
    return Converter<Duration>::to_value(time.time_since_epoch());
  }
  static Time from_value(const Value& value) {
    return Time(Converter<Duration>::from_value(value));
  }
};

template <>
struct Converter<std::filesystem::path> {
  static Value to_value(const std::filesystem::path& path) { return path.string(); }
  static std::filesystem::path from_value(const Value& value) {
    return Converter<std::string>::from_value(value);
  }
};

}  // namespace sinew
