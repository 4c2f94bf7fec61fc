#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/errc.h"
#include "base/writer.h"
#include "wire/brine_tokens.h"

namespace sinew::wire {

/// RPyC's message, the payload of a frame (source: RPyC wire, docs/protocols/rpyc.md sections 2.2
/// and 2.12). Two families of it are in use, and the first byte tells them apart:
///
///     kC (6.0 and later)   kind byte 01|02|03, brine((seq, body))
///     kB (4.1 to 5.3)      brine((kind, seq, body)), which begins with 12
enum class Family : std::uint8_t { kB, kC };

enum class MessageKind : std::uint8_t {
  kRequest = 1,    ///< body: brine (handler, box of the argument tuple)
  kReply = 2,      ///< body: the box of the result
  kException = 3,  ///< body: a vinegar value, which is not boxed
  kExtension = 4,  ///< not RPyC's: docs/protocols/extensions.md, `seq` is the extension's number
};

/// A message whose header has been read. `seq` counts the requests of the one who sent the
/// request; an answer carries its request's.
struct Message {
  Family family;
  MessageKind kind;
  std::int64_t seq;
  ByteView body;  ///< the undecoded rest, at least one byte; borrowed from the payload
};

namespace detail {
Result<Message> parse_message_slow(ByteView payload) noexcept;
}

/// Reads a message's header in the family that its first byte names. The body is not looked at;
/// bytes behind it are the reader's of the body to judge (stock peers ignore them).
///
/// Fails with kTruncated; kUnknownMessage for a kind other than the four; kWrongFamily for a first
/// byte that neither family can have; kWrongType and others for a header that is not as above.
inline Result<Message> parse_message(ByteView payload) noexcept {
  // The usual header: family C, a tuple of two, an immediate seq. Anything else goes out of line.
  if (payload.size() > 3 && static_cast<std::uint8_t>(payload[0] - 1) < 4 &&
      payload[1] == kTagTuple1 + 1 && is_immediate(payload[2])) [[likely]] {
    return Message{Family::kC, static_cast<MessageKind>(payload[0]), payload[2] - kImmediateBias,
                   payload.subspan(3)};
  }
  return detail::parse_message_slow(payload);
}

/// Writes everything of a message up to its body. The body is the caller's: for a request a tuple
/// header of two, write_int() of the handler, and the box.
inline void begin_message(Writer& out, Family family, MessageKind kind, std::int64_t seq) {
  const auto code = static_cast<std::uint8_t>(kind);
  std::uint8_t* at = out.extend(2);
  if (family == Family::kC) [[likely]] {
    at[0] = code;
    at[1] = kTagTuple1 + 1;
  } else {
    at[0] = kTagTuple1 + 2;
    at[1] = static_cast<std::uint8_t>(kImmediateBias + code);
  }
  write_int(out, seq);
}

}  // namespace sinew::wire
