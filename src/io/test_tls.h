#pragma once

#include <future>
#include <memory>
#include <utility>

#include "io/test_certificates.h"
#include "io/tls_stream.h"

namespace sinew::io::testing {

inline TlsOptions server_options() {
  TlsOptions options;
  options.role = TlsOptions::Role::kServer;
  options.certificate_file = certificates().certificate("server");
  options.key_file = certificates().key("server");
  options.verify = TlsOptions::Verify::kNone;
  return options;
}

inline TlsOptions client_options() {
  TlsOptions options;
  options.ca_file = certificates().certificate("authority");
  return options;
}

/// A stream that moves one byte at a time.
class OneByteStream final : public Stream {
 public:
  explicit OneByteStream(std::unique_ptr<Stream> inner) : inner_(std::move(inner)) {}
  Result<std::size_t> try_read(MutableByteView into, std::size_t wanted) override {
    return inner_->try_read(into.first(1), wanted);
  }
  Result<std::size_t> read(MutableByteView into, std::size_t wanted, Deadline deadline) override {
    return inner_->read(into.first(1), wanted, deadline);
  }
  Result<std::size_t> try_write(std::span<const iovec> pieces) override {
    const iovec piece{pieces.front().iov_base, 1};
    return inner_->try_write({&piece, 1});
  }
  Result<Readiness> wait(Readiness wanted, Deadline deadline) override {
    return inner_->wait(wanted, deadline);
  }
  void interrupt() noexcept override { inner_->interrupt(); }
  int descriptor() const noexcept override { return inner_->descriptor(); }
  std::string last_error() const override { return inner_->last_error(); }
  std::string describe() const override { return inner_->describe(); }

 private:
  std::unique_ptr<Stream> inner_;
};

/// A client and a server over a pair of streams.
struct TlsPair {
  TlsPair(std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> streams,
          const TlsOptions& of_client, const TlsOptions& of_server, std::string host = "localhost")
      : server_context(std::make_shared<TlsContext>(of_server)),
        client(std::move(streams.first), std::make_shared<TlsContext>(of_client), std::move(host)),
        server(std::move(streams.second), server_context) {}

  /// Both handshakes at once; what became of the client's and of the server's.
  std::pair<Result<void>, Result<void>> shake_hands() {
    const Deadline deadline = Deadline::after(std::chrono::seconds(20));
    auto of_server = std::async(std::launch::async, [&] { return server.handshake(deadline); });
    auto of_client = client.handshake(deadline);
    return {of_client, of_server.get()};
  }

  std::shared_ptr<TlsContext> server_context;
  TlsStream client;
  TlsStream server;
};

}  // namespace sinew::io::testing
