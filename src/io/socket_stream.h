#pragma once

#include <atomic>
#include <string>

#include "io/fd.h"
#include "io/stream.h"

namespace sinew::io {

/// A connected TCP or Unix stream socket.
///
/// The descriptor may be in blocking or non-blocking mode, also changed by others meanwhile (it may
/// be shared with a Python socket object); it is left as it is. SO_RCVTIMEO is set, to zero at
/// first, and so is SO_SNDTIMEO. A wait in read() is one blocking recv with SO_RCVTIMEO where the
/// descriptor blocks, because a poll in front of it costs 0.3-0.8 us of a 4 us round trip.
class SocketStream final : public Stream {
 public:
  /// Takes over `socket`, which must be connected. Sets TCP_NODELAY on a TCP socket: a request
  /// must not wait for the acknowledgement of the one before it (40 ms with a delayed one).
  explicit SocketStream(Fd socket);

  Result<std::size_t> try_read(MutableByteView into, std::size_t wanted) override;
  Result<std::size_t> read(MutableByteView into, std::size_t wanted, Deadline deadline) override;
  Result<std::size_t> try_write(std::span<const iovec> pieces) override;
  Result<Readiness> wait(Readiness wanted, Deadline deadline) override;
  void hasten_acknowledgement() noexcept override;
  std::optional<std::size_t> unread() const noexcept override;
  Result<std::size_t> peek(MutableByteView into) override;
  Result<void> wait_for_end(Deadline deadline) override;
  Duration watch_machine(Duration interval) noexcept override;
  Duration machine_silence() const noexcept override;
  void interrupt() noexcept override;
  int descriptor() const noexcept override { return socket_.get(); }
  std::string last_error() const override;
  std::string describe() const override { return description_; }

 private:
  Result<std::size_t> receive(MutableByteView into, int flags);
  bool arm_receive_timeout(Deadline deadline) noexcept;
  Errc broken(int error) noexcept;

  Fd socket_;
  bool is_tcp_ = false;
  bool blocks_ = true;                   // O_NONBLOCK was clear when the stream was made
  std::atomic<int> error_{0};            // the errno behind kConnectionReset
  std::int64_t receive_timeout_ms_ = 0;  // what SO_RCVTIMEO is set to; used by the reader only
  std::string description_;
};

}  // namespace sinew::io
