#pragma once

#include <string>

#include "base/bytes.h"

namespace sinew::wire {

/// Human-readable forms of RPyC messages, for logs, tests and tools. They take any bytes: what is
/// wrong with them, and at which offset, is part of the text. Nothing is thrown but
/// std::bad_alloc; nesting and inflated sizes are bounded.
///
/// threads: any.

/// One line for a message: "REQUEST seq=0 GETROOT()". References print as `my<name cls=.. inst=..>`
/// when the sender owns the object and as `your<...>` when the receiver does. Both families, and
/// the thread-bound variant (docs/protocols/rpyc.md section 2.11) where its 16-byte prefix is
/// recognised: a first byte 00 no family has.
std::string dump_payload(ByteView payload);

/// Several lines for one frame, header to flusher: the bytes in hex, then each token of it with
/// its meaning, nested ones indented. A compressed payload is inflated first. Long frames are
/// shortened. The last line has no line feed.
std::string dump_frame(ByteView frame);

}  // namespace sinew::wire
