#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sinew/value.hpp"

namespace sinew {

/// Thrown by code of ours that a peer has called, it is raised there as one of Python's own
/// exceptions: `throw PythonError("KeyError", {"no such channel"});`. Other C++ exceptions become
/// the type that fits them (docs/cpp.md).
class PythonError : public std::exception {
 public:
  /// `type` names a built-in exception; a peer shows any other as a generic one of that name.
  explicit PythonError(std::string type, std::vector<Value> args = {})
      : type_(std::move(type)), args_(std::move(args)) {}

  const std::string& type() const noexcept { return type_; }
  const std::vector<Value>& args() const noexcept { return args_; }
  const char* what() const noexcept override { return type_.c_str(); }

 private:
  std::string type_;
  std::vector<Value> args_;
};

}  // namespace sinew
