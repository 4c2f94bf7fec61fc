#include "io/tls_stream.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"
#include "io/openssl.h"

// Design notes.
//   OpenSSL never touches a descriptor: it takes its input from received_ and leaves its output in
//   unsent_bytes_, both in memory. So mutex_ is held for as long as it computes and no longer, and
//   a reader that waits does not hold up a writer.
//   Reading: receiving_, then mutex_ for moments. Who receives writes into received_ while its
//   published range is empty, so OpenSSL has no reason to look at it meanwhile.
//   Writing: whoever finds flushing_ clear gives the inner stream what is there, also what others
//   add meanwhile; a reader has something to send, too (answers to key updates, alerts).
//   A write is reported as taken only when the inner stream has all of what became of it: else
//   nobody would come back for the rest. committed_ remembers what is encrypted already.

namespace sinew::io {
/// What OpenSSL reads from and writes to.
struct TlsBio {
  static TlsStream& stream_of(bio_st* bio) {
    return *static_cast<TlsStream*>(OpenSsl::get().BIO_get_data(bio));
  }

  static int read(bio_st* bio, char* into, int size) {
    TlsStream& stream = stream_of(bio);
    OpenSsl::get().BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
    const std::size_t count =
        std::min(static_cast<std::size_t>(size), stream.received_end_ - stream.received_begin_);
    if (count == 0) {
      OpenSsl::get().BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
      return -1;
    }
    std::memcpy(into, stream.received_.get() + stream.received_begin_, count);
    stream.received_begin_ += count;
    return static_cast<int>(count);
  }

  static int write(bio_st* bio, const char* bytes, int size) try {
    auto& into = stream_of(bio).unsent_bytes_;
    const auto* const from = reinterpret_cast<const std::uint8_t*>(bytes);  // or it is no memcpy
    into.insert(into.end(), from, from + size);
    return size;
  } catch (const std::bad_alloc&) {
    return -1;
  }

  static long control(bio_st* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      const OpenSsl& ssl = OpenSsl::get();
      BIO_METHOD* const method = ssl.BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sinew");
      ssl.BIO_meth_set_read(method, &read);
      ssl.BIO_meth_set_write(method, &write);
      ssl.BIO_meth_set_ctrl(method, &control);
      return method;
    }();
    return made;
  }
};

TlsStream::TlsStream(std::unique_ptr<Stream> inner, std::shared_ptr<const TlsContext> context,
                     std::string host_name)
    : inner_(std::move(inner)), context_(std::move(context)), host_name_(std::move(host_name)) {
  const OpenSsl& ssl = OpenSsl::get();
  std::unique_ptr<ssl_st, decltype(ssl.SSL_free)> made(ssl.SSL_new(context_->get()), ssl.SSL_free);
  BIO* const bio = made ? ssl.BIO_new(TlsBio::method()) : nullptr;
  if (bio == nullptr) {
    throw Error(Error::Kind::kFailed, fmt::format("cannot start TLS: {}", ssl.take_error()));
  }
  ssl.BIO_set_data(bio, this);
  ssl.BIO_set_init(bio, 1);
  ssl.SSL_set_bio(made.get(), bio, bio);
  ssl_ = made.get();
  if (context_->options().role == TlsOptions::Role::kServer) {
    ssl.SSL_set_accept_state(ssl_);
  } else {
    ssl.SSL_set_connect_state(ssl_);
    expect_host();
  }
  static_cast<void>(made.release());
}

TlsStream::~TlsStream() { OpenSsl::get().SSL_free(ssl_); }

void TlsStream::expect_host() {
  const OpenSsl& ssl = OpenSsl::get();
  const TlsOptions& options = context_->options();
  const bool checks = options.verify != TlsOptions::Verify::kNone && options.check_host_name;
  if (host_name_.empty()) {
    if (!checks) return;
    throw Error(Error::Kind::kFailed,
                "the host name that the server's certificate is to be for is missing");
  }
  X509_VERIFY_PARAM* const expected = ssl.SSL_get0_param(ssl_);
  // A scratch copy would be the clean way to ask whether it is an address; this is the only one
  // that OpenSSL has.
  const bool is_address = ssl.X509_VERIFY_PARAM_set1_ip_asc(expected, host_name_.c_str()) == 1;
  if (is_address && !checks) {
    ssl.X509_VERIFY_PARAM_set1_ip(expected, nullptr, 0);
  } else if (!is_address) {
    ssl.SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 const_cast<char*>(host_name_.c_str()));  // copied
    if (checks &&
        ssl.X509_VERIFY_PARAM_set1_host(expected, host_name_.data(), host_name_.size()) != 1) {
      throw Error(Error::Kind::kFailed, fmt::format("'{}' is no host name", host_name_));
    }
  }
  ssl.ERR_clear_error();
}

// ---------------------------------------------------------------------------------------------
// Failing

// What became of an operation of OpenSSL that did not succeed.
std::unexpected<Errc> TlsStream::fail_locked(int ssl_error) {
  if (ssl_error == SSL_ERROR_WANT_READ) return fail(Errc::kWouldBlock);
  if (ssl_error == SSL_ERROR_ZERO_RETURN) {
    orderly_end_ = true;
    return fail(Errc::kEndOfStream);
  }
  if (error_.empty()) error_ = why_locked();
  return fail(Errc::kConnectionReset);
}

std::string TlsStream::why_locked() {
  const OpenSsl& ssl = OpenSsl::get();
  if (ERR_GET_REASON(ssl.ERR_peek_error()) != SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return ssl.take_error();
  }
  ssl.ERR_clear_error();
  const long number = ssl.SSL_get_verify_result(ssl_);
  verify_error_.store(number, std::memory_order_relaxed);
  if (number == X509_V_ERR_HOSTNAME_MISMATCH || number == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    return fmt::format("host name mismatch, certificate is not valid for '{}'", host_name_);
  }
  return ssl.X509_verify_cert_error_string(number);
}

// The inner stream has ended. That is orderly only where TLS has said so before.
std::unexpected<Errc> TlsStream::ended(Errc errc) {
  const std::scoped_lock lock(mutex_);
  if (interrupted_ || orderly_end_) return fail(Errc::kEndOfStream);
  if (!error_.empty()) return fail(Errc::kConnectionReset);
  if (!heard_) {
    error_ = "the peer closed the connection before the TLS handshake: it may not speak TLS";
  } else if (errc != Errc::kEndOfStream) {
    error_ = inner_->last_error() + (established_ ? "" : " during the TLS handshake");
  } else if (established_) {
    error_ = "the TLS stream ended without a farewell (close_notify): it may be cut short";
  } else {
    error_ = "the peer closed the connection during the TLS handshake";
  }
  return fail(Errc::kConnectionReset);
}

std::string TlsStream::last_error() const {
  const std::scoped_lock lock(mutex_);
  return error_.empty() ? inner_->last_error() : error_;
}

// A write fails once the peer has gone. What it said before (an alert, its farewell) has been
// received, and is the better reason.
Result<void> TlsStream::after_failed_write(Lock& lock, Errc errc) {
  constexpr std::chrono::milliseconds kReaderNeeds(50);
  lock.unlock();
  std::array<std::uint8_t, 4096> dropped;
  bool received = true;
  while (received) {
    const auto count = decrypt(dropped);
    if (count) continue;
    if (count.error() != Errc::kWouldBlock) {
      lock.lock();
      return fail(count.error());
    }
    std::unique_lock receiving(receiving_, kReaderNeeds);
    received =
        receiving.owns_lock() && receive(Deadline::after(Duration::zero()), false).has_value();
  }
  lock.lock();
  if (orderly_end_) return fail(Errc::kEndOfStream);
  if (error_.empty()) error_ = inner_->last_error();
  return fail(errc);
}

// ---------------------------------------------------------------------------------------------
// The handshake

Result<void> TlsStream::handshake(Deadline deadline) {
  while (true) {
    Lock lock(mutex_);
    if (!error_.empty()) return fail(Errc::kConnectionReset);
    const auto step = shake_hands_locked();
    const auto flushed = flush_locked(lock);  // also the alert, when it failed
    if (!step && step.error() != Errc::kWouldBlock) return step;
    if (!flushed) return after_failed_write(lock, flushed.error());
    if (established_ && is_flushed_locked()) return {};
    const bool hears = !established_;
    lock.unlock();
    SINEW_TRY(hears ? fetch_or_send(deadline) : send(deadline));
  }
}

Result<void> TlsStream::shake_hands_locked() {
  if (established_) return {};
  const OpenSsl& ssl = OpenSsl::get();
  ssl.ERR_clear_error();
  const int done = ssl.SSL_do_handshake(ssl_);
  established_ = done == 1;
  if (!established_) return fail_locked(ssl.SSL_get_error(ssl_, done));
  return {};
}

// Waits until there is room for what is to be sent.
Result<void> TlsStream::send(Deadline deadline) {
  SINEW_TRY(inner_->wait({.readable = false, .writable = true}, deadline));
  return {};
}

// ---------------------------------------------------------------------------------------------
// What was agreed on

std::optional<TlsCertificate> TlsStream::peer_certificate() const {
  const OpenSsl& ssl = OpenSsl::get();
  const std::scoped_lock lock(mutex_);
  const std::unique_ptr<X509, decltype(ssl.X509_free)> shown(ssl.SSL_get1_peer_certificate(ssl_),
                                                             ssl.X509_free);
  if (!shown) return std::nullopt;
  return TlsCertificate::read(shown.get());
}

std::string TlsStream::version() const {
  const std::scoped_lock lock(mutex_);
  return OpenSsl::get().SSL_get_version(ssl_);
}

TlsStream::Cipher TlsStream::cipher() const {
  const OpenSsl& ssl = OpenSsl::get();
  const std::scoped_lock lock(mutex_);
  const SSL_CIPHER* const used = ssl.SSL_get_current_cipher(ssl_);
  if (used == nullptr) return {};
  return {.name = ssl.SSL_CIPHER_get_name(used),
          .version = ssl.SSL_CIPHER_get_version(used),
          .bits = ssl.SSL_CIPHER_get_bits(used, nullptr)};
}

}  // namespace sinew::io
