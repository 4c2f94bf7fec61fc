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
namespace {

constexpr std::size_t kReceive = 64 * 1024;  // bytes of one read from the inner stream
constexpr std::size_t kRecord = 16 * 1024;   // TLS's largest record
constexpr std::size_t kBatch = 64 * 1024;    // bytes that are encrypted before they are sent
constexpr std::size_t kOverhead = 64;        // more than a record adds
constexpr std::size_t kKeep = 4 * 1024;      // of memory for output, when there is none

// In front of every record, and so of the first byte of anybody who speaks TLS.
constexpr bool begins_record(std::uint8_t byte) noexcept { return byte >= 20 && byte <= 24; }

// "protocol version", fatal: for a peer that does not speak TLS, but may know that much of it.
constexpr std::array<std::uint8_t, 7> kPlainAlert{21, 3, 1, 0, 2, 2, 70};

}  // namespace

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
// Receiving

Result<void> TlsStream::fetch(Deadline deadline, bool may_wait) {
  const std::scoped_lock receiving(receiving_);
  return receive(deadline, may_wait);
}

// Once, with receiving_ held and nothing left in received_.
Result<void> TlsStream::receive(Deadline deadline, bool may_wait) {
  {
    const std::scoped_lock lock(mutex_);
    if (received_begin_ != received_end_) return {};  // another thread was faster
    if (received_ == nullptr) {
      received_.reset(new (std::nothrow) std::uint8_t[kReceive]);
      if (received_ == nullptr) return fail(Errc::kNoMemory);
    }
  }
  const MutableByteView into(received_.get(), kReceive);
  const auto count = may_wait ? inner_->read(into, 1, deadline) : inner_->try_read(into, 1);
  if (!count) {
    if (count.error() == Errc::kEndOfStream || count.error() == Errc::kConnectionReset) {
      return ended(count.error());
    }
    const std::scoped_lock lock(mutex_);
    // A connection that is idle, and waits elsewhere, needs no memory.
    if (count.error() == Errc::kWouldBlock) received_.reset();
    return fail(count.error());
  }
  return look_at(*count);
}

// Publishes what was received. The first byte tells whether the peer speaks TLS at all.
Result<void> TlsStream::look_at(std::size_t count) {
  Lock lock(mutex_);
  if (!std::exchange(heard_, true) && !begins_record(received_[0])) {
    error_ = "the peer does not speak TLS";
    if (context_->options().role == TlsOptions::Role::kServer) {
      unsent_bytes_.assign(kPlainAlert.begin(), kPlainAlert.end());
      static_cast<void>(flush_locked(lock));
    }
    return fail(Errc::kConnectionReset);
  }
  received_begin_ = 0;
  received_end_ = count;
  drained_.store(false, std::memory_order_release);
  return {};
}

// As much as is there and fits; kWouldBlock when more has to be received first.
Result<std::size_t> TlsStream::decrypt(MutableByteView into) {
  const OpenSsl& ssl = OpenSsl::get();
  Lock lock(mutex_);
  if (orderly_end_) return fail(Errc::kEndOfStream);
  if (!error_.empty()) return fail(Errc::kConnectionReset);
  if (drained_.load(std::memory_order_relaxed)) return fail(Errc::kWouldBlock);
  ssl.ERR_clear_error();
  std::size_t total = 0;
  Errc errc = Errc::kOk;
  while (total < into.size() && errc == Errc::kOk) {
    std::size_t count = 0;
    if (ssl.SSL_read_ex(ssl_, into.data() + total, into.size() - total, &count) == 1) {
      total += count;
    } else {
      errc = fail_locked(ssl.SSL_get_error(ssl_, 0)).error();
    }
  }
  if (errc == Errc::kWouldBlock) drained_.store(true, std::memory_order_release);
  // An alert, or the answer to a key update. If it fails, so will the next read or write.
  if (!unsent_bytes_.empty()) static_cast<void>(flush_locked(lock));
  if (total != 0) return total;  // an error is met again by the next read
  return fail(errc);
}

Result<std::size_t> TlsStream::try_read(MutableByteView into, std::size_t /*wanted*/) {
  while (true) {
    const auto count = decrypt(into);
    if (count || count.error() != Errc::kWouldBlock) return count;
    SINEW_TRY(fetch(Deadline::after(Duration::zero()), false));
  }
}

Result<std::size_t> TlsStream::read(MutableByteView into, std::size_t /*wanted*/,
                                    Deadline deadline) {
  while (true) {
    const auto count = decrypt(into);
    if (count || count.error() != Errc::kWouldBlock) return count;
    SINEW_TRY(fetch_or_send(deadline));
  }
}

// Waits for bytes; while some are to be sent, also for room for them.
Result<void> TlsStream::fetch_or_send(Deadline deadline) {
  if (!unsent_.load(std::memory_order_relaxed)) return fetch(deadline, true);
  SINEW_ASSIGN(const Readiness ready, inner_->wait({.readable = true, .writable = true}, deadline));
  if (ready.writable) {
    Lock lock(mutex_);
    static_cast<void>(flush_locked(lock));  // if it fails, so does the read
  }
  if (!ready.readable) return {};
  const auto fetched = fetch(deadline, false);
  return !fetched && fetched.error() == Errc::kWouldBlock ? Result<void>() : fetched;
}

Result<Readiness> TlsStream::wait(Readiness wanted, Deadline deadline) {
  while (true) {
    if (wanted.readable && has_buffered()) return Readiness{.readable = true, .writable = false};
    const bool unsent = unsent_.load(std::memory_order_relaxed);
    SINEW_ASSIGN(const Readiness ready,
                 inner_->wait({.readable = wanted.readable, .writable = wanted.writable || unsent},
                              deadline));
    if (ready.writable && unsent) {
      Lock lock(mutex_);
      static_cast<void>(flush_locked(lock));
    }
    const Readiness found{.readable = wanted.readable && ready.readable,
                          .writable = wanted.writable && ready.writable};
    if (found.readable || found.writable) return found;
  }
}

// ---------------------------------------------------------------------------------------------
// Sending

void TlsStream::keep_frames_apart(const Framing& framing) {
  const std::scoped_lock lock(mutex_);
  cutter_.follow(framing);
}

bool TlsStream::is_flushed_locked() const noexcept {
  return sent_ == sending_.size() && unsent_bytes_.empty();
}

// Gives the inner stream what it takes of what is encrypted.
Result<void> TlsStream::flush_locked(Lock& lock) {
  if (flushing_) return {};
  flushing_ = true;
  Result<void> result;
  while (result) {
    if (sent_ == sending_.size()) {
      sending_.clear();
      sent_ = 0;
      if (unsent_bytes_.empty()) break;
      sending_.swap(unsent_bytes_);
    }
    const iovec piece{sending_.data() + sent_, sending_.size() - sent_};
    lock.unlock();
    const auto written = inner_->try_write({&piece, 1});
    lock.lock();
    if (written) {
      sent_ += *written;
    } else if (written.error() != Errc::kInterrupted) {
      if (written.error() != Errc::kWouldBlock) result = fail(written.error());
      break;
    }
  }
  flushing_ = false;
  unsent_.store(!is_flushed_locked(), std::memory_order_relaxed);
  if (is_flushed_locked() && sending_.capacity() > kKeep)
    std::vector<std::uint8_t>().swap(sending_);
  return result;
}

Result<void> TlsStream::encrypt_run_locked(ByteView bytes) {
  const OpenSsl& ssl = OpenSsl::get();
  std::size_t written = 0;
  if (ssl.SSL_write_ex(ssl_, bytes.data(), bytes.size(), &written) == 1) return {};
  const auto failed = fail_locked(ssl.SSL_get_error(ssl_, 0));
  // It never has to wait: its output is memory, and there is no renegotiation.
  return failed.error() == Errc::kWouldBlock ? fail(Errc::kConnectionReset) : failed;
}

namespace {

// Collects small pieces, so that they share a record.
struct Gathered {
  std::array<std::uint8_t, kRecord> bytes;
  std::size_t held = 0;

  std::size_t add(ByteView more) noexcept {
    const std::size_t count = std::min(more.size(), kRecord - held);
    std::memcpy(bytes.data() + held, more.data(), count);
    held += count;
    return count;
  }
  ByteView take() noexcept { return {bytes.data(), std::exchange(held, 0)}; }
};

}  // namespace

// Encrypts the next bytes behind the first `from`.
Result<void> TlsStream::encrypt_locked(std::span<const iovec> pieces, std::size_t from) try {
  OpenSsl::get().ERR_clear_error();
  Gathered gathered;
  for (const iovec& piece : pieces) {
    const std::size_t skipped = std::min(from, piece.iov_len);
    from -= skipped;
    ByteView bytes(static_cast<const std::uint8_t*>(piece.iov_base) + skipped,
                   std::min(piece.iov_len - skipped, kBatch - committed_));
    if (unsent_bytes_.empty()) {
      unsent_bytes_.reserve(bytes.size() + (bytes.size() / kRecord + 1) * kOverhead);
    }
    committed_ += bytes.size();
    while (!bytes.empty()) {
      ByteView run = bytes.first(cutter_.take(bytes));
      bytes = bytes.subspan(run.size());
      while (!run.empty()) {
        std::size_t count = run.size() / kRecord * kRecord;
        if (gathered.held == 0 && count != 0) {
          SINEW_TRY(encrypt_run_locked(run.first(count)));
        } else {
          count = gathered.add(run);
          if (gathered.held == kRecord) SINEW_TRY(encrypt_run_locked(gathered.take()));
        }
        run = run.subspan(count);
      }
      if (gathered.held != 0 && cutter_.is_at_end()) SINEW_TRY(encrypt_run_locked(gathered.take()));
    }
  }
  return gathered.held == 0 ? Result<void>() : encrypt_run_locked(gathered.take());
} catch (const std::bad_alloc&) {
  return fail(Errc::kNoMemory);
}

Result<std::size_t> TlsStream::try_write(std::span<const iovec> pieces) {
  std::size_t total = 0;
  for (const iovec& piece : pieces) total += piece.iov_len;
  std::size_t taken = 0;
  Lock lock(mutex_);
  while (true) {
    if (interrupted_) return fail(Errc::kEndOfStream);
    if (!error_.empty()) return fail(Errc::kConnectionReset);
    if (const auto flushed = flush_locked(lock); !flushed) {
      return fail(after_failed_write(lock, flushed.error()).error());
    }
    // Also while another thread writes: it does not tell us how far it came.
    if (!is_flushed_locked()) break;
    taken += std::exchange(committed_, 0);
    if (taken >= total) return taken;
    SINEW_TRY(encrypt_locked(pieces, taken));
  }
  return taken != 0 ? Result<std::size_t>(taken) : fail(Errc::kWouldBlock);
}

void TlsStream::interrupt() noexcept {
  {
    Lock lock(mutex_);
    if (!std::exchange(interrupted_, true) && established_ && error_.empty()) {
      OpenSsl::get().SSL_shutdown(ssl_);
      OpenSsl::get().ERR_clear_error();
      static_cast<void>(flush_locked(lock));
    }
  }
  inner_->interrupt();
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
