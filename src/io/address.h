#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/errc.h"
#include "io/fd.h"

namespace sinew::io {

/// A place to connect to or listen at. threads: a value, any.
struct Address {
  enum class Family : std::uint8_t { kTcp, kUnix };

  Family family = Family::kTcp;
  std::string host;        ///< kTcp: name or numeric address; empty listens on every interface
  std::uint16_t port = 0;  ///< kTcp: 0 listens on a free port
  std::string path;        ///< kUnix: the socket's path; a leading NUL makes it abstract

  static Address tcp(std::string host, std::uint16_t port);
  static Address unix_socket(std::string path);

  bool operator==(const Address&) const noexcept = default;

  /// "127.0.0.1:18812", "[::1]:18812", "unix:/run/x".
  std::string to_text() const;
};

/// "local -> remote" of a connected socket, for messages; never fails.
std::string describe_socket(int socket);

/// The local end of a bound socket. Throws Error.
Address local_address(int socket);

/// Connects, trying every address that the host name has, until `deadline`. The socket returned is
/// in blocking mode and keeps no timeout of the attempt. Throws Error: kTimedOut, kDisconnected
/// (refused, unreachable), kFailed (unknown host) with the address in the message.
Fd connect(const Address& address, Deadline deadline);

/// A listening socket. `backlog` as in listen(2). A Unix path left over by a dead server is
/// removed first. Throws Error.
Fd listen(const Address& address, int backlog);

/// Waits for the next connection on `listener`. kTimedOut; kInterrupted; kQueueFull when the system
/// is out of descriptors or memory, which passes; kEndOfStream after shutdown of the listener.
/// Failures of the one connection (it was reset while waiting) are passed over.
Result<Fd> accept(int listener, Deadline deadline);

}  // namespace sinew::io
