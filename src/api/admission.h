#pragma once

#include <memory>
#include <string>

#include "api/peer.h"
#include "dialect/rpyc/token.h"
#include "io/fd.h"
#include "io/tls_context.h"
#include "naming/uri.h"
#include "sinew/server.hpp"

namespace sinew::detail {

/// How a socket that was accepted becomes a client: TLS, the token, the program's own judgement.
///
/// threads: any.
class Admission {
 public:
  /// Throws Error when a certificate or a token cannot be read.
  Admission(Server::Root root, const naming::Uri& uri, const ServerOptions& options);

  /// Whether anybody is asked who he is.
  bool asks() const noexcept { return asks_; }

  /// Takes up to handshake_timeout. Throws Error when the client is not to be served.
  std::shared_ptr<Peer> admit(io::Fd socket);

  const ServerOptions& options() const noexcept { return options_; }

 private:
  const Server::Root root_;
  const ServerOptions options_;
  const std::shared_ptr<const io::TlsContext> context_;  // null: no TLS
  const std::string token_;                              // empty: none
  const bool asks_;
  dialect::rpyc::TokenTries tries_;
};

}  // namespace sinew::detail
