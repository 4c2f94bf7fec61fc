#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <string>

namespace sinew::io {

// Every function of libssl and libcrypto that is called anywhere. OpenSSL's macros are written out
// where they are needed: each of them is one of these.
#define SINEW_OPENSSL_FUNCTIONS(X)      \
  X(ASN1_INTEGER_to_BN)                 \
  X(ASN1_STRING_get0_data)              \
  X(ASN1_STRING_length)                 \
  X(ASN1_STRING_to_UTF8)                \
  X(ASN1_TIME_print)                    \
  X(BIO_clear_flags)                    \
  X(BIO_ctrl)                           \
  X(BIO_free)                           \
  X(BIO_get_data)                       \
  X(BIO_meth_free)                      \
  X(BIO_meth_new)                       \
  X(BIO_meth_set_ctrl)                  \
  X(BIO_meth_set_read)                  \
  X(BIO_meth_set_write)                 \
  X(BIO_new)                            \
  X(BIO_read)                           \
  X(BIO_s_mem)                          \
  X(BIO_set_data)                       \
  X(BIO_set_flags)                      \
  X(BIO_set_init)                       \
  X(BN_bn2hex)                          \
  X(BN_free)                            \
  X(CRYPTO_free)                        \
  X(CRL_DIST_POINTS_free)               \
  X(ERR_clear_error)                    \
  X(ERR_get_error)                      \
  X(ERR_peek_error)                     \
  X(ERR_reason_error_string)            \
  X(EVP_sha256)                         \
  X(GENERAL_NAMES_free)                 \
  X(HMAC)                               \
  X(AUTHORITY_INFO_ACCESS_free)         \
  X(OBJ_nid2ln)                         \
  X(OBJ_obj2nid)                        \
  X(OBJ_obj2txt)                        \
  X(OPENSSL_sk_num)                     \
  X(OPENSSL_sk_value)                   \
  X(OpenSSL_version)                    \
  X(SSL_CIPHER_get_bits)                \
  X(SSL_CIPHER_get_name)                \
  X(SSL_CIPHER_get_version)             \
  X(SSL_CTX_check_private_key)          \
  X(SSL_CTX_ctrl)                       \
  X(SSL_CTX_free)                       \
  X(SSL_CTX_get_cert_store)             \
  X(SSL_CTX_load_verify_dir)            \
  X(SSL_CTX_load_verify_file)           \
  X(SSL_CTX_new)                        \
  X(SSL_CTX_set_cipher_list)            \
  X(SSL_CTX_set_ciphersuites)           \
  X(SSL_CTX_set_default_passwd_cb)      \
  X(SSL_CTX_set_default_verify_paths)   \
  X(SSL_CTX_set_num_tickets)            \
  X(SSL_CTX_set_options)                \
  X(SSL_CTX_set_verify)                 \
  X(SSL_CTX_use_PrivateKey_file)        \
  X(SSL_CTX_use_certificate_chain_file) \
  X(SSL_ctrl)                           \
  X(SSL_do_handshake)                   \
  X(SSL_free)                           \
  X(SSL_get0_param)                     \
  X(SSL_get1_peer_certificate)          \
  X(SSL_get_current_cipher)             \
  X(SSL_get_error)                      \
  X(SSL_get_verify_result)              \
  X(SSL_get_version)                    \
  X(SSL_key_update)                     \
  X(SSL_new)                            \
  X(SSL_read_ex)                        \
  X(SSL_renegotiate)                    \
  X(SSL_set_accept_state)               \
  X(SSL_set_bio)                        \
  X(SSL_set_connect_state)              \
  X(SSL_shutdown)                       \
  X(SSL_write_ex)                       \
  X(TLS_client_method)                  \
  X(TLS_server_method)                  \
  X(X509_NAME_ENTRY_get_data)           \
  X(X509_NAME_ENTRY_get_object)         \
  X(X509_NAME_ENTRY_set)                \
  X(X509_NAME_entry_count)              \
  X(X509_NAME_get_entry)                \
  X(X509_STORE_load_file)               \
  X(X509_STORE_set_flags)               \
  X(X509_VERIFY_PARAM_set1_host)        \
  X(X509_VERIFY_PARAM_set1_ip)          \
  X(X509_VERIFY_PARAM_set1_ip_asc)      \
  X(X509_free)                          \
  X(X509_get0_notAfter)                 \
  X(X509_get0_notBefore)                \
  X(X509_get0_serialNumber)             \
  X(X509_get_ext_d2i)                   \
  X(X509_get_issuer_name)               \
  X(X509_get_subject_name)              \
  X(X509_get_version)                   \
  X(X509_verify_cert_error_string)      \
  X(i2d_X509)

/// OpenSSL 3, loaded when TLS, or a token in C++, is used for the first time. Linking it would cost
/// every program that imports the extension 1.3 to 1.5 ms, and would keep it from being imported at
/// all inside programs that bring another OpenSSL or none (docs/rationale.md).
///
/// threads: any.
struct OpenSsl {
#define SINEW_OPENSSL_MEMBER(name) decltype(&::name) name = nullptr;
  SINEW_OPENSSL_FUNCTIONS(SINEW_OPENSSL_MEMBER)
#undef SINEW_OPENSSL_MEMBER

  /// The library. Throws Error (kUnsupported) with the linker's reason when it cannot be loaded.
  static const OpenSsl& get();

  /// What went wrong last on this thread ("no such file", "key values mismatch"), and forgets it.
  std::string take_error() const;
};

}  // namespace sinew::io
