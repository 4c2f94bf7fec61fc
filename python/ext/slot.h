#pragma once

#include <type_traits>

#include "errors.h"

namespace sinew::python {
namespace detail {

template <class Result>
constexpr Result failed() noexcept {
  if constexpr (std::is_pointer_v<Result>) {
    return nullptr;
  } else {
    return Result{-1};
  }
}

template <auto Function>
struct Caught;

template <class Result, class... Arguments, Result (*Function)(Arguments...)>
struct Caught<Function> {
  static Result call(Arguments... arguments) noexcept try {
    return Function(arguments...);
  } catch (...) {
    raise_current();
    return failed<Result>();
  }
};

}  // namespace detail

/// A function as CPython may call it: what it throws becomes the Python exception. Every function
/// in a slot, a method table or a vectorcall field goes through here or is noexcept itself:
/// `{Py_tp_call, reinterpret_cast<void*>(caught<netref_call>)}`.
template <auto Function>
inline constexpr auto caught = &detail::Caught<Function>::call;

/// The same for a method that takes keywords.
template <auto Function>
PyCFunction caught_with_keywords() noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(caught<Function>));
}

}  // namespace sinew::python
