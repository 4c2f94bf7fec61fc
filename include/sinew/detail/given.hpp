#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <stop_token>
#include <tuple>
#include <utility>

#include "sinew/convert.hpp"
#include "sinew/current_call.hpp"
#include "sinew/value.hpp"

namespace sinew::detail {

/// A parameter that no peer sends: the library gives it.
template <class T>
concept Given = std::same_as<T, std::stop_token>;

/// A parameter of a function that peers may call.
template <class T>
concept Acceptable = Given<T> || Receivable<T>;

/// How many of a function's parameters peers send.
template <class... A>
inline constexpr std::size_t kSent = (std::size_t{0} + ... + (Given<A> ? 0 : 1));

/// Where in what a peer sends the parameter I of a tuple of them is.
template <class Tuple, std::size_t I>
inline constexpr std::size_t kPlace = []<std::size_t... J>(std::index_sequence<J...>) {
  return kSent<std::tuple_element_t<J, Tuple>...>;
}(std::make_index_sequence<I>());

template <class Tuple>
inline constexpr std::size_t kSentOf = kPlace<Tuple, std::tuple_size_v<Tuple>>;

/// The parameter I of a function. Throws ConversionError.
template <class Tuple, std::size_t I>
std::tuple_element_t<I, Tuple> parameter([[maybe_unused]] std::span<const Value> sent) {
  using T = std::tuple_element_t<I, Tuple>;
  if constexpr (Given<T>) {
    return current_call().stop_token();
  } else {
    return from_value<T>(sent[kPlace<Tuple, I>]);
  }
}

}  // namespace sinew::detail
