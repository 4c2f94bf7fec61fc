#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sinew/error.hpp"
#include "sinew/object.hpp"

namespace sinew {

namespace detail {
class Peer;
struct Remembered;
}  // namespace detail

/// How to connect, and what a peer may do. Sizes are in bytes.
struct Options {
  /// RPyC has two wires; their peers do not understand each other.
  enum class Wire : std::uint8_t {
    kAuto,   ///< that of RPyC 6, which Sinew speaks, too
    kRpyc5,  ///< RPyC 4.1 to 5.3
    kRpyc6,
  };
  Wire wire = Wire::kAuto;

  // Defaults are Python's, so that the two sides of a program agree.

  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(3);  ///< with TLS and tokens
  /// How long a call may take; zero: for ever. TimeLimit sets another for some of them.
  std::chrono::nanoseconds call_timeout = std::chrono::seconds(30);
  /// How often a Sinew peer is to show that it lives; it counts as gone after twice that. Zero: it
  /// need not.
  std::chrono::nanoseconds heartbeat = std::chrono::seconds(5);
  /// In which a message that has begun has to make progress; zero: it may stop.
  std::chrono::nanoseconds frame_timeout = std::chrono::seconds(60);

  // For tls://.
  std::string ca_file;      ///< whom to trust, PEM; empty: whom the system trusts
  std::string certificate;  ///< to show, PEM; empty: none
  std::string private_key;  ///< of the certificate, PEM; empty: it is in the same file
  std::string server_name;  ///< whom the server must show to be; empty: the host of the address
  bool verify = true;       ///< false: anybody may be the server

  /// The secret that both sides know (docs/protocols/tokens.md), 16 to 4096 bytes; empty: none. Not
  /// set: what SINEW_TOKEN holds, or the file that SINEW_TOKEN_FILE names, if there is one. Not
  /// beside token_file.
  std::optional<std::string> token;
  std::string token_file;  ///< a file with it, which only its owner may read

  // Limits (docs/limits.md).
  std::size_t max_frame_size = std::size_t{1} << 30;
  std::size_t max_inflated_size = std::size_t{256} << 20;
  std::size_t max_depth = 200;           ///< of tuples in each other
  std::size_t max_exports = 10'000'000;  ///< objects of ours that the peer holds
  std::size_t max_pending_calls = 1'000'000;
  std::size_t max_call_depth = 200;      ///< calls and callbacks inside each other
  std::size_t max_chunk_items = 10'000;  ///< items of an iterator of ours in one answer
  std::size_t max_bad_ids = 1000;        ///< ids that name nothing, before the peer is cut off
};

/// A connection to a peer. A copy is the same connection. It is open until close(), until the last
/// handle and the last Object of it are gone, or until it breaks.
///
/// threads: any, several at once. There is no thread behind it: whoever waits for an answer reads,
/// and serves what the peer asks meanwhile. A program that is to be called back while it waits for
/// nothing calls serve().
///
/// What it is asked for once it remembers, until close() or until its last handle is gone: the
/// root, and a classic server's modules and functions. A second module("os") asks nobody.
class Connection {
 public:
  /// What the peer offers: the root of a service, or the interpreter of a classic server.
  Object root() const;

  // Of a classic server, which offers its whole interpreter. With another one they throw Error
  // (kUnsupported), which says so.

  Object module(std::string_view name) const;   ///< imports it there: "os.path"
  Object builtin(std::string_view name) const;  ///< "open"
  template <class R = Object>
  R eval(std::string_view expression) const {
    return evaluate(expression).as<R>();
  }
  void execute(std::string_view statements) const;
  Object variables() const;  ///< the dictionary in which eval() and execute() work

  /// Asks for a sign of life. Throws as a call does.
  void ping() const;

  /// Serves what the peer asks, and reads answers for futures: for `time`, or without one until the
  /// connection ends. Returns false if it has ended.
  bool serve(std::optional<std::chrono::nanoseconds> time = std::nullopt) const;

  /// Says farewell and ends the connection, for every copy and every Object of it. Calls under way
  /// fail. Closing twice is allowed.
  void close() const noexcept;
  bool closed() const noexcept;

  /// The two ends, for messages: "127.0.0.1:4711 -> 127.0.0.1:18812".
  std::string describe() const;

  explicit Connection(std::shared_ptr<detail::Peer> peer);

 private:
  Object evaluate(std::string_view expression) const;
  Object of_classic_server(std::string_view name) const;

  std::shared_ptr<detail::Peer> peer_;
  // Not the peer's: an Object keeps its peer, so the two would keep each other.
  std::shared_ptr<detail::Remembered> remembered_;
};

/// Connects to `uri`: "tcp://host:port", "tls://host:port", "unix:///path", or "host:port"; the
/// port is 18812 (18821 with TLS) if it is left out. Throws Error: kTimedOut, kDisconnected
/// (refused, unreachable), kFailed (unknown host, no address, a token that the server does not
/// know, or that cannot be read), with the address in the message.
Connection connect(std::string_view uri, const Options& options = {});

/// While it lives, calls of this thread (with all that they call in turn, at a peer of ours) end
/// `time` from its making at the latest. Inner ones cannot make the time longer.
///
/// threads: one.
class TimeLimit {
 public:
  explicit TimeLimit(std::chrono::nanoseconds time);
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

 private:
  std::chrono::nanoseconds outer_;  // since the clock's epoch; max(): none
};

}  // namespace sinew
