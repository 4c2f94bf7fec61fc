#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "base/errc.h"

namespace sinew {

/// The one exception family of the API level. The kind says what the caller may *do*; the message
/// says what happened. Hot paths do not throw: they return Result<T> (errc.h).
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

  /// An error for a hot-path code: the kind follows from the code, the message is
  /// "`doing`: `describe(errc)`".
  Error(Errc errc, std::string_view doing);

  Kind kind() const noexcept { return kind_; }
  const std::string& message() const noexcept { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  Kind kind_;
  std::string message_;
};

/// The kind that a hot-path code has at the API level.
Error::Kind kind_of(Errc errc) noexcept;

/// Lower-case name of a kind ("disconnected"), for logs.
std::string_view name_of(Error::Kind kind) noexcept;

}  // namespace sinew
