#pragma once

#include <cstdint>
#include <string_view>

#include "base/errc.h"
#include "base/read_buffer.h"

namespace sinew::rpc {

/// What a received frame is about, as far as the engine must know.
struct Incoming {
  enum class Kind : std::uint8_t {
    kRequest,
    kReply,
    kException,
    kNotice,   ///< served like a request, in the same order, but there is no answer
    kControl,  ///< between the two sessions, and done with; `body` is a frame to send, or empty
  };

  Kind kind = Kind::kRequest;
  std::int64_t seq = 0;  ///< of the request, in its sender's numbering; of a notice, what it is
  Slice body;            ///< what the dialect decodes later, on the thread that needs it
  std::uint64_t sender_thread = 0;     ///< of the peer's, in a dialect that tells; else 0
  std::uint64_t recipient_thread = 0;  ///< of ours, as the peer knows it; 0: any
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

  /// A better sentence than describe(errc) for the error that ends the connection, or an empty
  /// one. The characters must live as long as the session.
  virtual std::string_view explain(Errc errc) const noexcept {
    static_cast<void>(errc);
    return {};
  }
};

}  // namespace sinew::rpc
