#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/clock.h"
#include "base/errc.h"
#include "base/read_buffer.h"
#include "base/writer.h"
#include "io/stream.h"

namespace sinew::rpc {

/// What a received frame is about, as far as the engine must know.
struct Incoming {
  enum class Kind : std::uint8_t {
    kRequest,
    kReply,
    kException,
    kNotice,   ///< served like a request, in the same order, but there is no answer
    kControl,  ///< between the two sessions, and done with; `body` is a frame to send, or empty
    kCancel,   ///< nobody waits any more for the answer to the request `seq`
  };

  Kind kind = Kind::kRequest;
  /// Of the request, in its sender's numbering; of a notice, what it is; of a control not 0 if
  /// Session::signs() may have changed.
  std::int64_t seq = 0;
  Slice body;                       ///< what the dialect decodes later, on the thread that needs it
  std::uint64_t sender_thread = 0;  ///< of the peer's, in a dialect that tells; else 0
  std::uint64_t recipient_thread = 0;  ///< of ours, as the peer knows it; 0: any

  // Of a request, if the peer has told.
  static constexpr std::int64_t kNobody = -1;
  Deadline deadline = Deadline::never();  ///< when its answer is of no use any more
  std::int64_t on_behalf_of = kNobody;    ///< our question that the peer is serving with it
};

/// What two peers have agreed on about signs of life (rpc/heartbeat.h).
struct Signs {
  Duration wanted_every = Duration::zero();  ///< the peer wants one this often; zero: none
  bool promised = false;  ///< the peer has been asked for signs, and will send them
  bool may_ask = false;   ///< it has not, and would answer a probe
};

/// The dialect of one connection: how its bytes split into frames and what a frame's header says.
/// The engine sees nothing else of a dialect; bodies stay encoded until the right thread has them.
///
/// threads: frame_size() and open() by the connection's leader only.
class Session {
 public:
  virtual ~Session() = default;

  /// Bytes of the whole first frame in `start`, or 0 when its header is not complete yet. Refuses
  /// an announced size beyond the limits from the header alone.
  virtual Result<std::size_t> frame_size(ByteView start) = 0;

  /// The bytes that a frame's header has: what must be there before frame_size() can answer.
  virtual std::size_t header_size() const noexcept = 0;

  /// Reads the header of one complete frame. An error here is the end of the connection.
  virtual Result<Incoming> open(Slice frame) = 0;

  /// True when an answer that nobody waits for any more must still be decoded, because it hands
  /// over references that are to be given back.
  virtual bool carries_references(const Incoming& answer) const noexcept {
    static_cast<void>(answer);
    return false;
  }

  /// As of now. Any thread, as are the two that write.
  virtual Signs signs() const noexcept { return {}; }

  /// Writes a message that means nothing but that we live. Only if the peer wants such.
  virtual void write_sign(Writer& out) const { static_cast<void>(out); }

  /// Writes the request `seq` whose answer means nothing but that the peer lives.
  virtual void write_probe(Writer& out, std::int64_t seq) const {
    static_cast<void>(out);
    static_cast<void>(seq);
  }

  /// How many bytes at the start of what has come are signs of life and nothing else. Leader only.
  virtual std::size_t leading_signs(ByteView received) {
    static_cast<void>(received);
    return 0;
  }

  /// Whether the peer may send cancellations. Any thread.
  virtual bool may_cancel() const noexcept { return false; }

  /// The numbers of the requests that what has come, and has not been read, cancels: to be called
  /// for each. Leader only.
  virtual void find_cancels(ByteView received, const std::function<void(std::int64_t)>& found) {
    static_cast<void>(received);
    static_cast<void>(found);
  }

  /// How frames are found in what is sent; null: not to be told from each other.
  virtual const io::Framing* framing() const noexcept { return nullptr; }

  /// A better sentence than describe(errc) for the error that ends the connection, or an empty
  /// one. The characters must live as long as the session.
  virtual std::string_view explain(Errc errc) const noexcept {
    static_cast<void>(errc);
    return {};
  }
};

}  // namespace sinew::rpc
