#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sinew {

/// Borrowed, read-only bytes. The owner is named by whoever hands one out.
using ByteView = std::span<const std::uint8_t>;

/// Borrowed, writable bytes.
using MutableByteView = std::span<std::uint8_t>;

/// The bytes of `text`, without a copy; valid as long as `text`'s characters are.
inline ByteView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// `bytes` seen as characters, without a copy and without a check of any encoding.
inline std::string_view as_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace sinew
