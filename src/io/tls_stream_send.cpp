// TlsStream: from the writer to the inner stream. The design notes are in tls_stream.cpp.

#include <algorithm>
#include <cstring>

#include "io/openssl.h"
#include "io/tls_stream.h"

namespace sinew::io {
namespace {

constexpr std::size_t kRecord = 16 * 1024;  // TLS's largest record
constexpr std::size_t kBatch = 64 * 1024;   // bytes that are encrypted before they are sent
constexpr std::size_t kOverhead = 64;       // more than a record adds
constexpr std::size_t kKeep = 4 * 1024;     // of memory for output, when there is none

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

}  // namespace sinew::io
