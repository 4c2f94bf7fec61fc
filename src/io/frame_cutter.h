#pragma once

#include <algorithm>
#include <array>
#include <cstring>

#include "io/stream.h"

namespace sinew::io {

/// Follows the frames in a stream of bytes, wherever that is cut into pieces.
///
/// threads: one.
class FrameCutter {
 public:
  static constexpr std::size_t kMaxHeader = 16;

  /// Without a framing (or with headers beyond kMaxHeader) everything is one frame.
  void follow(const Framing& framing) noexcept {
    if (framing.header_size <= kMaxHeader) framing_ = framing;
  }

  /// How many of the next bytes belong to one frame; the next call is about those behind them.
  std::size_t take(ByteView bytes) noexcept {
    if (framing_.frame_size == nullptr) return bytes.size();
    if (left_ != 0) {
      const std::size_t count = std::min(left_, bytes.size());
      left_ -= count;
      return count;
    }
    const std::size_t count = std::min(framing_.header_size - held_, bytes.size());
    std::memcpy(header_.data() + held_, bytes.data(), count);
    held_ += count;
    if (held_ == framing_.header_size) {
      left_ = framing_.frame_size(header_.data()) - held_;
      held_ = 0;
    }
    return count;
  }

  /// True when the bytes taken last end a frame.
  bool is_at_end() const noexcept {
    return framing_.frame_size != nullptr && left_ == 0 && held_ == 0;
  }

 private:
  Framing framing_{};
  std::array<std::uint8_t, kMaxHeader> header_{};
  std::size_t held_ = 0;  // bytes of the header, while it is incomplete
  std::size_t left_ = 0;  // bytes of the frame behind those that were taken
};

}  // namespace sinew::io
