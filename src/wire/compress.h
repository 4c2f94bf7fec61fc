#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/errc.h"

namespace sinew::wire {

/// Inflates one zlib stream, the payload of a compressed frame (source: RPyC wire,
/// docs/protocols/rpyc.md section 2.1). The output grows in bounded steps and never beyond
/// `max_size` + 1 bytes, whatever the stream would give: at the worst, while it moves, one and a
/// half times that is allocated.
///
/// threads: any. Fails with kInflateTooLarge beyond `max_size`; kTruncated for a stream without an
/// end; kTrailingBytes for bytes behind the end (stock peers ignore them, none sends them);
/// kInflateFailed for whatever else zlib refuses, a preset dictionary among it; kNoMemory.
Result<std::vector<std::uint8_t>> inflate(ByteView compressed, std::size_t max_size);

/// Deflates `plain` at zlib's level 1, as stock peers do with payloads over 3000 bytes. For tests
/// and tools: the product never sends compressed frames.
std::vector<std::uint8_t> deflate(ByteView plain);

}  // namespace sinew::wire
