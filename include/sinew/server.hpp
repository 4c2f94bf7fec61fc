#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sinew/connection.hpp"
#include "sinew/object.hpp"
#include "sinew/service.hpp"

namespace sinew {

/// Who wants to be served, as far as it is known before the first request.
struct ClientFacts {
  std::string description;  ///< the two ends, for logs: "127.0.0.1:18861 -> 127.0.0.1:4711"
  /// Where it comes from: an IPv4 address, a 64-bit net of IPv6 ("2001:db8::/64"), or "this
  /// machine".
  std::string source;
  std::optional<unsigned> user;  ///< of a Unix socket: the number of the user
  bool is_tls = false;
  std::string common_name;  ///< of the certificate that it has shown; empty: none
  bool knows_token = false;
};

/// How a server serves, and what its clients may do.
struct ServerOptions : Options {
  enum class Kind : std::uint8_t {
    kThreaded,  ///< a thread for each client: for requests that wait or compute
    kPooled,    ///< `max_threads` for all of them: for many clients that are mostly silent
    /// Serves one client, then run() returns; who is refused, or leaves without asking for
    /// anything, does not count.
    kOneShot,
  };
  Kind kind = Kind::kThreaded;
  std::size_t max_threads = 20;  ///< of a pool; one is started when the others are busy

  /// Clients beyond it are closed at once.
  std::size_t max_connections = 10'000;

  /// Whether a client is to be served: called once TLS and the token are done, on a thread that
  /// serves, several at once. False, or an exception, which is logged: it is not.
  std::function<bool(const ClientFacts&)> authenticator;

  /// Serve at an address that other machines reach although nobody is asked who he is. Without it
  /// that is refused: there has to be a token, an authenticator, or tls:// with a ca_file, which
  /// makes clients show certificates.
  bool insecure = false;

  /// In which a client has to have said something; in a pool silent clients cost no thread, and
  /// have as long as they like.
  std::chrono::nanoseconds first_message_timeout = std::chrono::seconds(10);

  /// Of TLS and tokens. Who has said one byte is not silent any more: in a pool his handshake keeps
  /// one of the threads, at most half of `max_threads` at a time (with one thread: that one). The
  /// others wait for their turn, as long as this at most, and cost no thread.
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(10);

  /// How long clients may finish what is being served when the server stops. Then connections are
  /// closed and functions are asked to stop (current_call.hpp); those that never end hold up
  /// Server::stop() all the same, because a thread cannot be ended.
  std::chrono::nanoseconds drain_time = std::chrono::seconds(5);
};

/// Offers an object to clients, Sinew's or stock RPyC's (4.1 to 6): `conn.root` is that object.
///
///     auto calc = sinew::service<Calculator>("calc.Calculator").def("add", &Calculator::add);
///     sinew::Server(calc, "tcp://127.0.0.1:18861").run();
///
/// With tls:// it shows Options::certificate; with a ca_file clients have to show one that is
/// signed by that authority. With a token clients have to know it, and learn that the server does.
/// Throws Error when it cannot listen.
///
/// threads: any, but for the destructor, which stops it as stop() does.
class Server {
 public:
  /// What a client gets as its root: called for each, on its thread, with its connection.
  using Root = std::function<Object(const Connection& client)>;

  Server(Root root, std::string_view uri, const ServerOptions& options = {});

  /// A T of its own for each client; it lives as long as the connection.
  template <std::default_initializable T>
  Server(const Service<T>& /*defined*/, std::string_view uri, const ServerOptions& options = {})
      : Server([](const Connection&) { return Object(std::make_shared<T>()); }, uri, options) {}

  /// One object for all, or what module() made.
  template <class T>
  Server(std::shared_ptr<T> shared, std::string_view uri, const ServerOptions& options = {})
      : Server([shared = Object(std::move(shared))](const Connection&) { return shared; }, uri,
               options) {}
  Server(const Module& module, std::string_view uri, const ServerOptions& options = {})
      : Server([root = module.object()](const Connection&) { return root; }, uri, options) {}

  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Where it listens, with the port that was chosen if 0 was asked for.
  const std::string& uri() const noexcept;

  /// Serves until stop(), with kOneShot until its client has left, or until SIGINT or SIGTERM comes
  /// if the program has no handlers of its own for them; then as stop(). Returns true if all
  /// clients were done by the end of the drain time.
  bool run();

  /// The same on a thread of the server's, without the signals. Once: throws Error.
  void start();

  /// Accepts nobody any more, lets what is being served end within the drain time, and closes every
  /// connection. Returns true if nothing was cut off. Waits for every function that is running,
  /// also beyond the drain time: see there. Not on a thread that serves.
  bool stop();

  std::size_t connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinew
