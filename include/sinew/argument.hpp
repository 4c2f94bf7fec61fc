#pragma once

#include <string_view>
#include <utility>

#include "sinew/convert.hpp"
#include "sinew/value.hpp"

namespace sinew {

/// A named argument of a call.
struct NamedArgument {
  std::string_view name;  ///< borrowed until the call is sent
  Value value;
};

/// Makes a named argument: `object.call("open", "x.txt", arg("mode") = "w")`.
class arg {
 public:
  constexpr explicit arg(std::string_view name) noexcept : name_(name) {}

  template <Sendable T>
  NamedArgument operator=(T&& value) const {
    return {name_, to_value(std::forward<T>(value))};
  }

 private:
  std::string_view name_;
};

}  // namespace sinew
