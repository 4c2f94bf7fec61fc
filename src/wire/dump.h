#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/errc.h"
#include "wire/rpyc_message.h"

namespace sinew::wire {

/// Human-readable forms of RPyC messages, for logs, tests and tools. They take any bytes: what is
/// wrong with them, and at which offset, is part of the text. Nothing is thrown but
/// std::bad_alloc; nesting and inflated sizes are bounded.
///
/// threads: any.

/// "REQUEST", "REPLY", "EXCEPTION", "EXTENSION".
std::string_view name_of(MessageKind kind) noexcept;

/// The threads that a message of the thread-bound variant names, as numbers of the two sides.
struct ThreadPair {
  std::uint64_t sender;
  std::uint64_t recipient;  ///< 0: any
};

/// A message in words.
struct MessageText {
  Family family = Family::kC;
  MessageKind kind = MessageKind::kRequest;
  std::int64_t seq = 0;               ///< of an extension: its number
  std::optional<ThreadPair> threads;  ///< of the thread-bound variant
  std::string handler;                ///< of a request: "GETATTR"
  std::string body;                   ///< "GETATTR(your<...>, 'add')", or what is wrong with it
  bool is_sound = false;              ///< the body could be read, to its end
};

/// Reads a message, with values shortened to `longest` characters and all of the body to eight
/// times that. References print as `my<name cls=.. inst=..>` when the sender owns the object and as
/// `your<...>` when the receiver does. Both families, and the thread-bound variant
/// (docs/protocols/rpyc.md section 2.11) where its 16-byte prefix is recognised: a first byte 00 no
/// family has. Fails, as parse_message() does, for what is no message.
Result<MessageText> describe_payload(ByteView payload, std::size_t longest);

/// The same on one line, values up to 200 characters: "REQUEST seq=0 GETROOT()".
std::string dump_payload(ByteView payload);

/// Several lines for one frame, header to flusher: the bytes in hex, then each token of it with
/// its meaning, nested ones indented. A compressed payload is inflated first. Long frames are
/// shortened. The last line has no line feed.
std::string dump_frame(ByteView frame);

}  // namespace sinew::wire
