#include "wire/rpyc_frame.h"

namespace sinew::wire {

Result<void> end_frame(Writer& out, std::size_t start) {
  std::size_t length = out.copied_size() - start - kFrameHeaderSize;
  // What was borrowed for an earlier frame lies before that frame's flusher, so before `start`.
  const auto& borrowed = out.borrowed();
  for (auto it = borrowed.rbegin(); it != borrowed.rend() && it->offset > start; ++it) {
    length += it->bytes.size();
  }
  if (length > kMaxFramePayload) [[unlikely]]
    return fail(Errc::kFrameTooLarge);
  store_be32(out.at(start), static_cast<std::uint32_t>(length));
  out.put(kFlusher);
  return {};
}

}  // namespace sinew::wire
