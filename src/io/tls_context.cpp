#include "io/tls_context.h"

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/openssl.h"

namespace sinew::io {
namespace {

[[noreturn]] void throw_failed(std::string message) {
  throw Error(Error::Kind::kFailed, std::move(message));
}

// OpenSSL calls a file that is not there "no such file" at best and "system library" at worst.
void require_readable(const std::string& what, const std::string& file) {
  if (std::FILE* const opened = std::fopen(file.c_str(), "re")) {
    std::fclose(opened);
    return;
  }
  throw_failed(fmt::format("cannot read the {} '{}': {}", what, file,
                           std::generic_category().message(errno)));
}

[[noreturn]] void throw_bad(const OpenSsl& ssl, const std::string& what, const std::string& file) {
  throw_failed(fmt::format("the {} '{}' cannot be used: {}", what, file, ssl.take_error()));
}

// Instead of OpenSSL's, which asks at the terminal.
int no_password(char* /*into*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

int verify_flags(const TlsOptions& options) noexcept {
  if (options.verify == TlsOptions::Verify::kNone) return SSL_VERIFY_NONE;
  if (options.verify == TlsOptions::Verify::kOptional) return SSL_VERIFY_PEER;
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

}  // namespace

TlsContext::TlsContext(TlsOptions options) : options_(std::move(options)) {
  const OpenSsl& ssl = OpenSsl::get();
  const bool serves = options_.role == TlsOptions::Role::kServer;
  if (serves && options_.certificate_file.empty()) {
    throw_failed("a TLS server needs a certificate file");
  }
  context_ = ssl.SSL_CTX_new(serves ? ssl.TLS_server_method() : ssl.TLS_client_method());
  if (context_ == nullptr) throw_failed(fmt::format("cannot start TLS: {}", ssl.take_error()));
  // The destructor does not run for an object whose constructor throws.
  std::unique_ptr<ssl_ctx_st, decltype(ssl.SSL_CTX_free)> guard(context_, ssl.SSL_CTX_free);
  ssl.SSL_CTX_set_options(context_,
                          SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  ssl.SSL_CTX_set_num_tickets(context_, 0);
  ssl.SSL_CTX_ctrl(context_, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, nullptr);
  ssl.SSL_CTX_ctrl(context_, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, nullptr);
  ssl.SSL_CTX_set_default_passwd_cb(context_, &no_password);
  ssl.SSL_CTX_set_verify(context_, verify_flags(options_), nullptr);
  choose_versions();
  if (!options_.certificate_file.empty()) load_certificate();
  if (options_.verify != TlsOptions::Verify::kNone) load_authorities();
  static_cast<void>(guard.release());
}

TlsContext::~TlsContext() { OpenSsl::get().SSL_CTX_free(context_); }

void TlsContext::choose_versions() {
  const OpenSsl& ssl = OpenSsl::get();
  const bool worked = ssl.SSL_CTX_ctrl(context_, SSL_CTRL_SET_MIN_PROTO_VERSION,
                                       options_.min_version, nullptr) == 1 &&
                      ssl.SSL_CTX_ctrl(context_, SSL_CTRL_SET_MAX_PROTO_VERSION,
                                       options_.max_version, nullptr) == 1;
  if (!worked) throw_failed("OpenSSL does not have the TLS versions that are asked for");
  if (!options_.ciphers.empty() &&
      ssl.SSL_CTX_set_cipher_list(context_, options_.ciphers.c_str()) != 1) {
    throw_failed(
        fmt::format("the ciphers '{}' cannot be used: {}", options_.ciphers, ssl.take_error()));
  }
}

void TlsContext::load_certificate() {
  const OpenSsl& ssl = OpenSsl::get();
  const std::string& certificate = options_.certificate_file;
  const std::string& key = options_.key_file.empty() ? certificate : options_.key_file;
  ssl.ERR_clear_error();
  require_readable("certificate file", certificate);
  if (ssl.SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) != 1) {
    throw_bad(ssl, "certificate file", certificate);
  }
  require_readable("key file", key);
  if (ssl.SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ssl.SSL_CTX_check_private_key(context_) != 1) {
    throw_bad(ssl, "key file", key);
  }
}

void TlsContext::load_authorities() {
  const OpenSsl& ssl = OpenSsl::get();
  ssl.ERR_clear_error();
  if (options_.ca_file.empty() && options_.ca_directory.empty()) {
    if (ssl.SSL_CTX_set_default_verify_paths(context_) != 1) {
      throw_failed(fmt::format("the system's certificates cannot be used: {}", ssl.take_error()));
    }
  }
  if (!options_.ca_file.empty()) {
    require_readable("CA file", options_.ca_file);
    if (ssl.SSL_CTX_load_verify_file(context_, options_.ca_file.c_str()) != 1) {
      throw_bad(ssl, "CA file", options_.ca_file);
    }
  }
  if (!options_.ca_directory.empty()) {
    require_readable("CA directory", options_.ca_directory);
    if (ssl.SSL_CTX_load_verify_dir(context_, options_.ca_directory.c_str()) != 1) {
      throw_bad(ssl, "CA directory", options_.ca_directory);
    }
  }
  if (!options_.crl_file.empty()) load_revocations();
}

// Of the peer's own certificate, not of the authorities above it. What no list covers is refused.
void TlsContext::load_revocations() {
  const OpenSsl& ssl = OpenSsl::get();
  require_readable("CRL file", options_.crl_file);
  X509_STORE* const store = ssl.SSL_CTX_get_cert_store(context_);
  if (ssl.X509_STORE_load_file(store, options_.crl_file.c_str()) != 1) {
    throw_bad(ssl, "CRL file", options_.crl_file);
  }
  ssl.X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
}

}  // namespace sinew::io
