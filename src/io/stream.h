#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/errc.h"

namespace sinew::io {

/// What a wait is for, and what it found.
struct Readiness {
  bool readable = false;
  bool writable = false;
};

/// How to find the ends of frames in what is written: `frame_size` gives the bytes of a whole frame
/// from its first `header_size` bytes.
struct Framing {
  std::size_t header_size;
  std::size_t (*frame_size)(const std::uint8_t* header) noexcept;
};

/// A reliable stream of bytes in both directions: TCP, Unix socket, pair of pipes, TLS over any of
/// them, memory. The seam between the engine and the operating system.
///
/// Reading and writing are independent: one thread may read while another writes. At most one
/// thread reads (the connection's leader) and one writes (whoever holds its outbox) at a time.
/// interrupt() and wait() may be called by any thread at any time; waiters on several threads are
/// allowed.
///
/// Errors: kWouldBlock (nothing done), kInterrupted (a signal, nothing done), kTimedOut,
/// kEndOfStream (orderly end), kConnectionReset (anything else; last_error() says what). After the
/// last two the stream is of no more use.
///
/// A write that was not taken, or not as a whole, is repeated: the next one begins with the bytes
/// that were not taken (TLS may have encrypted them already).
class Stream {
 public:
  virtual ~Stream() = default;

  /// Reads what is there, at least one byte and at most `into.size()`, without waiting.
  /// `wanted` is the number of bytes that the next frame certainly still needs: a stream over a
  /// foreign object that can only read exact counts takes that many.
  virtual Result<std::size_t> try_read(MutableByteView into, std::size_t wanted) = 0;

  /// Like try_read(), but waits for the first byte until `deadline`.
  virtual Result<std::size_t> read(MutableByteView into, std::size_t wanted, Deadline deadline) = 0;

  /// Writes as much of the pieces as fits, in order, without waiting. Returns the bytes taken.
  virtual Result<std::size_t> try_write(std::span<const iovec> pieces) = 0;

  /// Asks for no frame to share a unit of the transport (a TLS record) with the next one: stock
  /// RPyC does not see a frame of which its TLS has taken the beginning off the descriptor. Before
  /// the first write. Only TLS does something here.
  virtual void keep_frames_apart(const Framing& /*framing*/) {}

  /// Waits until one of the wanted directions is ready, or `deadline`.
  virtual Result<Readiness> wait(Readiness wanted, Deadline deadline) = 0;

  /// True when bytes may be left that were taken from the descriptor and not read yet: whoever
  /// watches the descriptor would not see them. wait() and read() take them into account. For the
  /// thread that reads.
  virtual bool has_buffered() const noexcept { return false; }

  /// Asks the kernel to acknowledge received data at once. A stock peer's Nagle algorithm holds
  /// back its second small write until then, 40 ms with a delayed acknowledgement. Only TCP does
  /// something here.
  virtual void hasten_acknowledgement() noexcept {}

  /// Bytes that have come and have not been read, as far as the system tells. Any thread.
  virtual std::optional<std::size_t> unread() const noexcept { return std::nullopt; }

  /// Copies the first of those bytes and leaves them to be read. Fails as try_read() does; zero
  /// bytes where a stream cannot do it. For the reader only.
  virtual Result<std::size_t> peek(MutableByteView into) {
    static_cast<void>(into);
    return 0;
  }

  /// Waits until the peer has ended the stream, or interrupt() was called: bytes may still be
  /// there to be read. kTimedOut; kWouldBlock where that is not to be had. Any thread.
  virtual Result<void> wait_for_end(Deadline deadline) {
    static_cast<void>(deadline);
    return fail(Errc::kWouldBlock);
  }

  /// Has the system ask the peer's machine for an acknowledgement every `interval`, and returns
  /// how often it will; zero where that is not to be had. Only TCP does something here: elsewhere
  /// the system knows when the peer is gone.
  virtual Duration watch_machine(Duration interval) noexcept {
    static_cast<void>(interval);
    return Duration::zero();
  }

  /// How long not even an acknowledgement has come of the peer's machine; zero if unknown.
  virtual Duration machine_silence() const noexcept { return Duration::zero(); }

  /// Whether any thread may write at any time. False for a stream whose writes need a lock of
  /// their own, such as the GIL.
  virtual bool is_free_threaded() const noexcept { return true; }

  /// Ends both directions and wakes every waiter and reader: they see kEndOfStream. The
  /// descriptor stays valid until the stream is destroyed, so a racing reader is safe.
  virtual void interrupt() noexcept = 0;

  /// The descriptor to watch for readability from outside (an event loop), or -1.
  virtual int descriptor() const noexcept = 0;

  /// What the system said last when an operation gave kConnectionReset ("Connection reset by
  /// peer"); empty before.
  virtual std::string last_error() const = 0;

  /// The two ends for messages: "127.0.0.1:4711 -> 127.0.0.1:18812", "pipe".
  virtual std::string describe() const = 0;

 private:
  [[no_unique_address]] LiveCount<Counted::kStream> live_;
};

}  // namespace sinew::io
