#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "sinew/connection.hpp"
#include "sinew/object.hpp"

namespace CLI {
class App;
}

namespace sinew::cli {

/// Where to connect, and how: what the user says of it.
struct Target {
  std::string uri;
  double timeout = 30;  ///< seconds that a call may take; 0: for ever
  std::string wire = "auto";
  Options options;
  bool insecure = false;

  /// The options with everything said filled in. Throws UsageError, and LocalError
  /// for a token that cannot be read.
  Options checked() const;
};

/// Adds the argument URI and the options of a connection to a command. `target` must live as long
/// as the command.
void add_target(CLI::App& app, Target& target);

/// A connection whose root has come, so that both sides are known to understand each other.
struct Peer {
  explicit Peer(Connection open) : connection(std::move(open)), root(connection.root()) {}

  Connection connection;
  Object root;

  /// Whether it offers its whole interpreter. Asks it, the first time.
  bool is_classic();

 private:
  enum class Answer : std::uint8_t { kUnknown, kNo, kYes } classic_ = Answer::kUnknown;
};

/// Connects, in the wire that the server speaks unless the user has named one: a server of RPyC 4.1
/// to 5.3 hangs up on what it does not know, and is tried again in its own. Throws Error,
/// UsageError.
Peer open(const Target& target);

/// Whether an exception is Python's own of that name, or one that Python derives from it.
bool is_missing_attribute(const RemoteError& error) noexcept;
bool is_missing_module(const RemoteError& error) noexcept;

}  // namespace sinew::cli
