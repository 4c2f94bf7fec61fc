#pragma once

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace sinew::io {

/// What one side of TLS shows and demands. Files are in PEM format.
struct TlsOptions {
  enum class Role : std::uint8_t { kClient, kServer };

  /// What is demanded of the peer's certificate.
  enum class Verify : std::uint8_t {
    kNone,      ///< nothing: anybody may be the peer
    kOptional,  ///< of a client: none, or a good one. A server always has one: as kRequired
    kRequired,  ///< a certificate that a known authority has signed
  };

  /// The versions of the protocol, as they are written on the wire.
  static constexpr int kTls12 = 0x0303;
  static constexpr int kTls13 = 0x0304;

  Role role = Role::kClient;
  std::string certificate_file;  ///< ours, with its chain; a server needs one
  std::string key_file;          ///< its key; empty: in `certificate_file`
  std::string ca_file;           ///< the authorities that are believed
  std::string ca_directory;      ///< the same, one file each, named by hash (openssl rehash)
  std::string crl_file;          ///< what they have revoked; empty: not asked
  Verify verify = Verify::kRequired;
  bool check_host_name = true;  ///< of a server's certificate, when certificates are verified
  int min_version = kTls12;
  int max_version = 0;  ///< 0: the newest there is
  std::string ciphers;  ///< OpenSSL's cipher list for TLS 1.2; empty: its default
};

/// The files of TlsOptions, read and checked: made once, shared by connections.
///
/// With neither `ca_file` nor `ca_directory` the authorities are those of the system. Renegotiation
/// and compression are refused. Sessions are not resumed.
///
/// threads: any.
class TlsContext {
 public:
  /// Throws Error: kUnsupported without OpenSSL, else kFailed with the file and OpenSSL's reason.
  explicit TlsContext(TlsOptions options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  const TlsOptions& options() const noexcept { return options_; }
  ssl_ctx_st* get() const noexcept { return context_; }

 private:
  void load_certificate();
  void load_authorities();
  void load_revocations();
  void choose_versions();

  TlsOptions options_;
  ssl_ctx_st* context_ = nullptr;
};

}  // namespace sinew::io
