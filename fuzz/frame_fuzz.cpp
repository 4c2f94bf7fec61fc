// Any bytes as a stream of frames: split them as a connection does, inflate, parse, and write each
// payload as a frame of ours.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "wire/compress.h"
#include "wire/rpyc_frame.h"
#include "wire/rpyc_message.h"

namespace {

using namespace sinew;
using namespace sinew::wire;

constexpr std::size_t kMaxFrame = 64 * 1024;

void require(bool condition) {
  if (!condition) std::abort();
}

void rewrite(ByteView payload) {
  Writer out;
  const std::size_t start = begin_frame(out);
  if (payload.size() % 2 == 0) {
    out.append(payload);
  } else {
    out.borrow(payload, nullptr);
  }
  require(end_frame(out, start).has_value());
  const auto header = parse_frame_header(out.copied().first<kFrameHeaderSize>(), kMaxFramePayload);
  require(header && header->length == payload.size() && !header->compressed);
  require(out.total_size() == frame_size(*header));
  (void)parse_message(payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView stream(data, size);
  while (stream.size() >= kFrameHeaderSize) {
    const auto header = parse_frame_header(stream.first<kFrameHeaderSize>(), kMaxFrame);
    if (!header) {
      require(header.error() == Errc::kFrameTooLarge);
      return 0;
    }
    require(header->length <= kMaxFrame);
    if (stream.size() < frame_size(*header)) return 0;
    const ByteView payload = stream.subspan(kFrameHeaderSize, header->length);
    if (header->compressed) {
      const auto plain = inflate(payload, kMaxFrame);
      if (plain) rewrite(*plain);
    } else {
      rewrite(payload);
    }
    stream = stream.subspan(frame_size(*header));
  }
  return 0;
}
