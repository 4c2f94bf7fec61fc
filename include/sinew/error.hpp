#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/value.hpp"

namespace sinew {

/// The one exception family of the library. The kind says what the caller may *do*; the message
/// says what happened, and to which connection.
class Error : public std::exception {
 public:
  enum class Kind : std::uint8_t {
    kFailed,        ///< something else went wrong; trying again will not help
    kDisconnected,  ///< the connection is gone; reconnect and try again
    kTimedOut,      ///< the deadline passed; the call may or may not have happened
    kOverloaded,    ///< a named limit was reached; try again later or raise the limit
    kProtocol,      ///< the peer broke the protocol
    kUnsupported,   ///< the peer (or this build) cannot do it
  };

  Error(Kind kind, std::string message);

  Kind kind() const noexcept { return kind_; }
  const std::string& message() const noexcept { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  Kind kind_;
  std::string message_;
};

/// Lower-case name of a kind ("disconnected"), for logs.
std::string_view name_of(Error::Kind kind) noexcept;

/// A value has another type than the one that was asked for. Nothing is wrong with the connection.
class ConversionError : public Error {
 public:
  explicit ConversionError(std::string message) : Error(Kind::kFailed, std::move(message)) {}
};

/// An exception that was raised at the peer, as it tells of it. The peer may say anything: type
/// names are names, no code of ours is run for them.
///
/// what() is "ModuleName.TypeName: message", or "TypeName: message" for a type of Python itself.
class RemoteError : public Error {
 public:
  struct Details {
    std::string module;       ///< of the type; "builtins" for Python's own
    std::string type;         ///< "ValueError"
    std::vector<Value> args;  ///< `exc.args`; what is no plain value comes as its repr()
    std::vector<std::pair<std::string, Value>> attributes;  ///< other attributes, as `args`
    std::string traceback;  ///< the peer's, as text; may be withheld
  };

  explicit RemoteError(Details details);

  /// The type's name, and whether it is Python's own type of that name.
  const std::string& type() const noexcept { return details_->type; }
  bool is(std::string_view builtin_type) const noexcept {
    return details_->module == "builtins" && details_->type == builtin_type;
  }

  const Details& details() const noexcept { return *details_; }
  const std::string& traceback() const noexcept { return details_->traceback; }

 private:
  std::shared_ptr<const Details> details_;  // shared: copying an exception must not throw
};

}  // namespace sinew
