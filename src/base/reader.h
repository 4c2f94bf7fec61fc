#pragma once

#include "base/bytes.h"
#include "base/endian.h"
#include "base/errc.h"

namespace sinew {

/// A cursor over received bytes. Every read checks what is left first, so no announced length can
/// reach beyond the bytes that really came.
///
/// threads: one. Fails by Errc::kTruncated; the cursor does not move then.
class Reader {
 public:
  explicit Reader(ByteView bytes) noexcept
      : cursor_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - cursor_); }
  bool empty() const noexcept { return cursor_ == end_; }
  const std::uint8_t* position() const noexcept { return cursor_; }

  /// The next byte without taking it. Only when !empty().
  std::uint8_t peek() const noexcept { return *cursor_; }

  Result<std::uint8_t> take() noexcept {
    if (cursor_ == end_) [[unlikely]]
      return fail(Errc::kTruncated);
    return *cursor_++;
  }

  Result<std::uint32_t> take_be32() noexcept {
    if (remaining() < 4) [[unlikely]]
      return fail(Errc::kTruncated);
    const std::uint32_t value = load_be32(cursor_);
    cursor_ += 4;
    return value;
  }

  Result<std::uint64_t> take_be64() noexcept {
    if (remaining() < 8) [[unlikely]]
      return fail(Errc::kTruncated);
    const std::uint64_t value = load_be64(cursor_);
    cursor_ += 8;
    return value;
  }

  /// The next `count` bytes, borrowed from what the reader was made over.
  Result<ByteView> take(std::size_t count) noexcept {
    if (remaining() < count) [[unlikely]]
      return fail(Errc::kTruncated);
    const ByteView bytes{cursor_, count};
    cursor_ += count;
    return bytes;
  }

 private:
  const std::uint8_t* cursor_;
  const std::uint8_t* end_;
};

}  // namespace sinew
