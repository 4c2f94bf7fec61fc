#include "sinew/server.hpp"

#include <sys/socket.h>

#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "api/peer.h"
#include "api/signals.h"
#include "base/error.h"
#include "io/socket_stream.h"
#include "io/tls_context.h"
#include "io/tls_stream.h"
#include "naming/uri.h"
#include "server/threaded.h"

namespace sinew {
namespace {

constexpr int kBacklog = 128;

std::shared_ptr<const io::TlsContext> context_of(const naming::Uri& uri,
                                                 const ServerOptions& options) {
  if (!uri.is_tls) return nullptr;
  io::TlsOptions tls;
  tls.role = io::TlsOptions::Role::kServer;
  tls.certificate_file = options.certificate;
  tls.key_file = options.private_key;
  tls.ca_file = options.ca_file;
  tls.verify =
      options.ca_file.empty() ? io::TlsOptions::Verify::kNone : io::TlsOptions::Verify::kRequired;
  return std::make_shared<const io::TlsContext>(std::move(tls));
}

bool is_local(const io::Address& address) {
  return address.family == io::Address::Family::kUnix || address.host.starts_with("127.") ||
         address.host == "::1";
}

// Whoever reaches the port may do all that is offered: that is to be meant.
void refuse_open(const naming::Uri& uri, const io::Address& bound, const ServerOptions& options) {
  const bool asks = uri.is_tls && !options.ca_file.empty();
  if (options.insecure || asks || is_local(bound)) return;
  throw Error(Error::Kind::kFailed,
              fmt::format("other machines reach {}, and nobody is asked who he is: use tls:// with "
                          "certificate and ca_file, or set insecure if that is meant",
                          uri.to_text()));
}

// One client, on a thread of its own.
class Client final : public server::ThreadedClient {
 public:
  Client(std::shared_ptr<detail::Peer> peer, std::chrono::nanoseconds patience)
      : peer_(std::move(peer)),
        socket_(peer_->connection().stream().descriptor()),
        patience_(patience) {}
  ~Client() override { peer_->close(); }

  void serve() noexcept override {
    rpc::Connection& connection = peer_->connection();
    // Who says nothing costs a thread.
    static_cast<void>(connection.serve(Deadline::after(patience_), /*once=*/true));
    if (!peer_->session().has_heard()) return;
    while (!connection.is_dead()) {
      static_cast<void>(connection.serve(Deadline::never(), /*once=*/false));
    }
  }
  void finish() noexcept override {
    peer_->finish();
    ::shutdown(socket_, SHUT_RD);
  }
  void interrupt() noexcept override {
    peer_->connection().fail(Error(Error::Kind::kDisconnected, "the server was stopped"));
  }

 private:
  const std::shared_ptr<detail::Peer> peer_;
  const int socket_;  // the stream's, which lives as long as the peer
  const std::chrono::nanoseconds patience_;
};

}  // namespace

struct Server::State {
  State(Root its_root, naming::Uri where, io::Fd listener, const ServerOptions& its_options)
      : root(std::move(its_root)),
        options(its_options),
        context(context_of(where, its_options)),
        uri(where.to_text()),
        engine(std::move(listener), [this](io::Fd socket) { return admit(std::move(socket)); },
               {.max_connections = its_options.max_connections}) {}

  std::unique_ptr<server::ThreadedClient> admit(io::Fd socket);

  const Root root;
  const ServerOptions options;
  const std::shared_ptr<const io::TlsContext> context;
  const std::string uri;
  server::ThreadedServer engine;
  std::thread thread;
};

std::unique_ptr<server::ThreadedClient> Server::State::admit(io::Fd socket) {
  std::unique_ptr<io::Stream> stream = std::make_unique<io::SocketStream>(std::move(socket));
  if (context) {
    auto secure = std::make_unique<io::TlsStream>(std::move(stream), context);
    const Deadline deadline = Deadline::after(options.handshake_timeout);
    Result<void> done;
    do {
      done = secure->handshake(deadline);
    } while (!done && done.error() == Errc::kInterrupted);
    if (!done) throw make_error(done.error(), "TLS");
    stream = std::move(secure);
  }
  auto peer = detail::Peer::make(std::move(stream), options, root);
  return std::make_unique<Client>(std::move(peer), options.first_message_timeout);
}

Server::Server(Root root, std::string_view text, const ServerOptions& options) {
  naming::Uri uri = naming::parse_uri(text);
  io::Fd listener = io::listen(uri.address, kBacklog);
  const io::Address bound = io::local_address(listener.get());
  refuse_open(uri, bound, options);
  uri.address.port = bound.port;
  state_ = std::make_unique<State>(std::move(root), std::move(uri), std::move(listener), options);
}

Server::~Server() {
  stop();
  if (state_->thread.joinable()) state_->thread.join();
}

const std::string& Server::uri() const noexcept { return state_->uri; }
std::size_t Server::connections() const { return state_->engine.connections(); }

bool Server::run() {
  {
    const detail::SignalWatch watch([this] { state_->engine.close(); });
    state_->engine.run();
  }
  return stop();
}

void Server::start() {
  state_->thread = std::thread([this] { state_->engine.run(); });
}

bool Server::stop() { return state_->engine.stop(Deadline::after(state_->options.drain_time)); }

}  // namespace sinew
