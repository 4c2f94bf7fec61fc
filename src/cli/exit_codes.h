#pragma once

#include <stdexcept>

namespace sinew::cli {

/// How the program ends. Scripts rely on these numbers (docs/cli.md).
enum class Exit : int {
  kOk = 0,
  kRemote = 1,        ///< the other side answered with an exception, or a check of `doctor` failed
  kUsage = 2,         ///< the command line makes no sense; nothing was sent
  kConnection = 3,    ///< no connection, or it broke, or the time was over
  kLocal = 4,         ///< something of this machine: a file, no Python
  kInterrupted = 130  ///< Ctrl-C, as shells count it: 128 + SIGINT
};

/// The command line makes no sense; what() says why in one line.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The other side does not have what was asked for.
class MissingError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something of this machine is in the way: a file, a program that is missing.
class LocalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace sinew::cli
