#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "sinew/convert.hpp"
#include "sinew/detail/given.hpp"
#include "sinew/detail/servant.hpp"
#include "sinew/object.hpp"

namespace sinew {
namespace detail {

/// The signature of a function, a pointer to one, or an object with one operator().
template <class T>
struct Signature {};
template <class T>
  requires requires { &T::operator(); }
struct Signature<T> : Signature<decltype(&T::operator())> {};
template <class R, class... A>
struct Signature<R(A...)> {
  using Result = R;
  using Arguments = std::tuple<std::decay_t<A>...>;
  static constexpr std::size_t kArity = kSent<std::decay_t<A>...>;
  template <class F>
  static Value apply(F& function, std::span<const Value> arguments) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      if constexpr (std::is_void_v<R>) {
        function(parameter<Arguments, I>(arguments)...);
        return Value();
      } else {
        return to_value(function(parameter<Arguments, I>(arguments)...));
      }
    }(std::make_index_sequence<sizeof...(A)>());
  }
  static constexpr bool kCrosses =
      (Acceptable<std::decay_t<A>> && ...) && (std::is_void_v<R> || Sendable<R>);
};
template <class R, class... A>
struct Signature<R (*)(A...)> : Signature<R(A...)> {};
template <class T, class R, class... A>
struct Signature<R (T::*)(A...)> : Signature<R(A...)> {};
template <class T, class R, class... A>
struct Signature<R (T::*)(A...) const> : Signature<R(A...)> {};
template <class R, class... A>
struct Signature<R (*)(A...) noexcept> : Signature<R(A...)> {};
template <class T, class R, class... A>
struct Signature<R (T::*)(A...) noexcept> : Signature<R(A...)> {};
template <class T, class R, class... A>
struct Signature<R (T::*)(A...) const noexcept> : Signature<R(A...)> {};

/// An object that can be called in one way only.
template <class T>
concept Callable = requires { Signature<T>::kArity; };

/// Throws what the peer is to see as TypeError, unless the arguments are that many positional ones.
void expect_arguments(const Arguments& arguments, std::size_t count);

template <class F>
class FunctionServant final : public Servant {
 public:
  explicit FunctionServant(F function) : function_(std::move(function)) {}

  std::string type_name() const override { return "sinew.function"; }
  std::vector<Member> methods() const override { return {{"__call__", {}}}; }
  Value call(const Arguments& arguments) override {
    expect_arguments(arguments, Signature<F>::kArity);
    return Signature<F>::apply(function_, arguments.positional);
  }

 private:
  F function_;
};

}  // namespace detail

/// A function, a lambda or a std::function can be an argument or a result: the peer gets a callable
/// that runs it here, on a thread that waits for this peer or serves it. Parameters and result are
/// converted (a std::stop_token is given: current_call.hpp); what it throws is raised at the peer.
/// It lives, with all that it has captured, until the peer lets go of it or the connection ends: a
/// captured Connection or Object of the same peer keeps that from happening by itself, so capture
/// none, or close() the connection.
///
/// It may be called by several threads of the peer at once, if several threads serve.
template <detail::Callable F>
  requires(detail::Signature<F>::kCrosses)
struct Converter<F> {
  static Value to_value(F function) {
    return detail::reference_to(std::make_shared<detail::FunctionServant<F>>(std::move(function)));
  }
};

}  // namespace sinew
