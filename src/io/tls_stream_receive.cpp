// TlsStream: from the inner stream to the reader. The design notes are in tls_stream.cpp.

#include <array>

#include "io/openssl.h"
#include "io/tls_stream.h"

namespace sinew::io {
namespace {

constexpr std::size_t kReceive = 64 * 1024;  // bytes of one read from the inner stream

// In front of every record, and so of the first byte of anybody who speaks TLS.
constexpr bool begins_record(std::uint8_t byte) noexcept { return byte >= 20 && byte <= 24; }

// "protocol version", fatal: for a peer that does not speak TLS, but may know that much of it.
constexpr std::array<std::uint8_t, 7> kPlainAlert{21, 3, 1, 0, 2, 2, 70};

}  // namespace

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

}  // namespace sinew::io
