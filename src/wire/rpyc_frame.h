#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "base/endian.h"
#include "base/errc.h"
#include "base/writer.h"

namespace sinew::wire {

/// RPyC's frame (source: RPyC wire, docs/protocols/rpyc.md section 2.1):
///
///     uint32 length | uint8 compressed | payload[length] | flusher 0A
///
/// `length` counts the payload as it is sent, neither header nor flusher. A non-zero `compressed`
/// means that the payload is one zlib stream (compress.h). The flusher is read and not looked at.
/// Whether to compress is the sender's own business; we never do.

inline constexpr std::size_t kFrameHeaderSize = 5;
inline constexpr std::size_t kFlusherSize = 1;
inline constexpr std::uint8_t kFlusher = 0x0a;

/// The longest payload that the length field can announce.
inline constexpr std::size_t kMaxFramePayload = std::numeric_limits<std::uint32_t>::max();

struct FrameHeader {
  std::uint32_t length;  ///< payload bytes that follow, before inflating
  bool compressed;
};

/// Bytes of the whole frame: header, payload and flusher.
constexpr std::size_t frame_size(const FrameHeader& header) noexcept {
  return kFrameHeaderSize + header.length + kFlusherSize;
}

/// Reads a header. A payload longer than `max_frame_size` is refused from the header alone, with
/// kFrameTooLarge, before anybody allocates for it.
inline Result<FrameHeader> parse_frame_header(std::span<const std::uint8_t, kFrameHeaderSize> bytes,
                                              std::size_t max_frame_size) noexcept {
  const FrameHeader header{load_be32(bytes.data()), bytes[4] != 0};
  if (header.length > max_frame_size) [[unlikely]]
    return fail(Errc::kFrameTooLarge);
  return header;
}

/// Starts an uncompressed frame at the end of `out` and returns what end_frame() wants. Several
/// frames may follow each other in one Writer, but not be in one another.
inline std::size_t begin_frame(Writer& out) {
  const std::size_t start = out.copied_size();
  std::uint8_t* header = out.extend(kFrameHeaderSize);
  store_be32(header, 0);
  header[4] = 0;
  return start;
}

/// Completes the frame that began at `start`: patches its length, which includes what was borrowed
/// since, and appends the flusher. Fails with kFrameTooLarge for a payload beyond 32 bits; the
/// caller then rewinds the Writer.
Result<void> end_frame(Writer& out, std::size_t start);

}  // namespace sinew::wire
