#include "api/admission.h"

#include <sys/socket.h>

#include <utility>

#include <fmt/format.h>

#include "api/token.h"
#include "base/error.h"
#include "io/socket_stream.h"
#include "io/tls_stream.h"

namespace sinew::detail {
namespace {

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

std::unique_ptr<io::TlsStream> secured(std::unique_ptr<io::Stream> stream,
                                       std::shared_ptr<const io::TlsContext> context,
                                       Deadline deadline) {
  auto secure = std::make_unique<io::TlsStream>(std::move(stream), std::move(context));
  Result<void> done;
  do {
    done = secure->handshake(deadline);
  } while (!done && done.error() == Errc::kInterrupted);
  if (!done) throw make_error(done.error(), "TLS");
  return secure;
}

std::string common_name_of(const io::TlsStream& stream) {
  const auto certificate = stream.peer_certificate();
  if (!certificate) return {};
  for (const auto& part : certificate->subject) {
    for (const auto& [field, value] : part) {
      if (field == "commonName") return value;
    }
  }
  return {};
}

ClientFacts facts_of(int socket) {
  ClientFacts facts;
  facts.description = io::describe_socket(socket);
  facts.source = dialect::rpyc::token_source(socket);
  ucred process{};
  socklen_t size = sizeof process;
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
      address.ss_family == AF_UNIX &&
      ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &process, &size) == 0) {
    facts.user = process.uid;
  }
  return facts;
}

}  // namespace

Admission::Admission(Server::Root root, const naming::Uri& uri, const ServerOptions& options)
    : root_(std::move(root)),
      options_(options),
      context_(context_of(uri, options)),
      token_(find_token(options)),
      asks_(!token_.empty() || (context_ && !options.ca_file.empty()) ||
            static_cast<bool>(options.authenticator)) {}

std::shared_ptr<Peer> Admission::admit(io::Fd socket) {
  const Deadline deadline = Deadline::after(options_.handshake_timeout);
  ClientFacts facts = facts_of(socket.get());
  std::unique_ptr<io::Stream> stream = std::make_unique<io::SocketStream>(std::move(socket));
  if (context_) {
    auto secure = secured(std::move(stream), context_, deadline);
    facts.is_tls = true;
    facts.common_name = common_name_of(*secure);
    stream = std::move(secure);
  }
  if (!token_.empty()) {
    dialect::rpyc::demand_token(*stream, token_, tries_, facts.source, deadline);
    facts.knows_token = true;
  }
  if (options_.authenticator && !options_.authenticator(facts)) {
    throw Error(Error::Kind::kFailed, "the authenticator refuses the client");
  }
  return Peer::make(std::move(stream), options_, root_);
}

}  // namespace sinew::detail
