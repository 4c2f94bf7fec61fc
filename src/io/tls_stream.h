#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/frame_cutter.h"
#include "io/stream.h"
#include "io/tls_certificate.h"
#include "io/tls_context.h"

struct bio_st;
struct ssl_st;

namespace sinew::io {

/// TLS over any other stream.
///
/// A failure is kConnectionReset, and last_error() says why: the peer's alert ("tlsv13 alert
/// certificate required"), what is wrong with its certificate ("certificate has expired"), or that
/// the stream ended without TLS's own farewell, so that the end may be missing. kEndOfStream is the
/// orderly end. There is no way back to plain bytes.
///
/// threads: as io::Stream, after handshake(): one reads while one writes.
class TlsStream final : public Stream {
 public:
  /// `host_name` is what a client expects the server's certificate to be for, a name or a numeric
  /// address, and tells the server. Throws Error.
  TlsStream(std::unique_ptr<Stream> inner, std::shared_ptr<const TlsContext> context,
            std::string host_name = {});
  ~TlsStream() override;

  /// Agrees with the peer on keys and looks at its certificate. Before anything else, by one
  /// thread. After kTimedOut and kInterrupted it may be called again; other errors are final, and
  /// the peer has been told.
  Result<void> handshake(Deadline deadline);

  Result<std::size_t> try_read(MutableByteView into, std::size_t wanted) override;
  Result<std::size_t> read(MutableByteView into, std::size_t wanted, Deadline deadline) override;

  /// After kWouldBlock or a partial write the next write must begin with the bytes that were not
  /// taken: they may be encrypted already.
  Result<std::size_t> try_write(std::span<const iovec> pieces) override;
  void keep_frames_apart(const Framing& framing) override;
  Result<Readiness> wait(Readiness wanted, Deadline deadline) override;
  bool has_buffered() const noexcept override { return !drained_.load(std::memory_order_acquire); }
  void hasten_acknowledgement() noexcept override { inner_->hasten_acknowledgement(); }
  std::optional<std::size_t> unread() const noexcept override { return inner_->unread(); }
  Result<void> wait_for_end(Deadline deadline) override { return inner_->wait_for_end(deadline); }
  Duration watch_machine(Duration interval) noexcept override {
    return inner_->watch_machine(interval);
  }
  Duration machine_silence() const noexcept override { return inner_->machine_silence(); }
  bool is_free_threaded() const noexcept override { return inner_->is_free_threaded(); }

  /// Says farewell as far as that goes without waiting, and ends the inner stream.
  void interrupt() noexcept override;
  int descriptor() const noexcept override { return inner_->descriptor(); }
  std::string last_error() const override;
  std::string describe() const override { return "TLS " + inner_->describe(); }

  /// What the peer has shown; nothing when it has shown none.
  std::optional<TlsCertificate> peer_certificate() const;

  /// What is wrong with the peer's certificate, as one of OpenSSL's X509_V_ERR numbers; 0: nothing,
  /// or it was not looked at.
  long verify_error() const noexcept { return verify_error_.load(std::memory_order_relaxed); }

  /// "TLSv1.3".
  std::string version() const;

  struct Cipher {
    std::string name;     ///< "TLS_AES_256_GCM_SHA384"
    std::string version;  ///< the version that it came with
    int bits = 0;         ///< of the key
  };
  Cipher cipher() const;

 private:
  friend struct TlsBio;
  friend struct TlsTestAccess;

  using Lock = std::unique_lock<std::mutex>;

  void expect_host();
  Result<std::size_t> decrypt(MutableByteView into);
  Result<void> fetch(Deadline deadline, bool may_wait);
  Result<void> receive(Deadline deadline, bool may_wait);
  Result<void> look_at(std::size_t count);
  Result<void> fetch_or_send(Deadline deadline);
  Result<void> encrypt_locked(std::span<const iovec> pieces, std::size_t from);
  Result<void> encrypt_run_locked(ByteView bytes);
  Result<void> flush_locked(Lock& lock);
  bool is_flushed_locked() const noexcept;
  Result<void> after_failed_write(Lock& lock, Errc errc);
  Result<void> shake_hands_locked();
  Result<void> send(Deadline deadline);
  std::unexpected<Errc> fail_locked(int ssl_error);
  std::unexpected<Errc> ended(Errc errc);
  std::string why_locked();

  const std::unique_ptr<Stream> inner_;
  const std::shared_ptr<const TlsContext> context_;
  const std::string host_name_;
  std::atomic<bool> drained_{true};  // nothing of what was received is left to decrypt
  std::atomic<bool> unsent_{false};  // a hint: there is something to give to the inner stream
  std::atomic<long> verify_error_{0};

  // Held by whoever takes bytes from the inner stream, also while that waits. Nobody waits for it
  // but a thread whose write has failed, and not for long.
  std::timed_mutex receiving_;

  mutable std::mutex mutex_;
  ssl_st* ssl_ = nullptr;                     // guarded by mutex_
  std::unique_ptr<std::uint8_t[]> received_;  // the bytes of [begin, end) are guarded by mutex_,
  std::size_t received_begin_ = 0;            // the rest is receiving_'s; null while not needed
  std::size_t received_end_ = 0;              // guarded by mutex_
  std::vector<std::uint8_t> unsent_bytes_;    // guarded by mutex_: encrypted, in order
  std::vector<std::uint8_t> sending_;         // guarded by mutex_, or by flushing_: before them
  std::size_t sent_ = 0;                      // of sending_; guarded as it
  bool flushing_ = false;                     // guarded by mutex_: a thread writes
  FrameCutter cutter_;                        // guarded by mutex_: of what is encrypted
  std::size_t committed_ = 0;                 // guarded by mutex_: encrypted, not reported yet
  bool established_ = false;                  // guarded by mutex_: the handshake is done
  bool heard_ = false;                        // guarded by mutex_: the peer has sent something
  bool orderly_end_ = false;                  // guarded by mutex_: the peer has said farewell
  bool interrupted_ = false;                  // guarded by mutex_
  std::string error_;                         // guarded by mutex_: why it broke
};

}  // namespace sinew::io
