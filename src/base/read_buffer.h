#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/counters.h"

namespace sinew {

/// Memory that received bytes live in, shared by the slices that point into it. Large ones (from
/// kHugeThreshold) are mapped with huge pages, because page faults and not copies limit a large
/// transfer (40-90 % measured, docs/performance.md).
///
/// threads: any (the count is atomic); the bytes are written by the one reader before a slice of
/// them is handed out, never after.
class ReadBuffer {
 public:
  static constexpr std::size_t kHugeThreshold = 4u << 20;

  /// Null when there is no memory: the size may be what a peer announced.
  static ReadBuffer* make(std::size_t capacity) noexcept;

  /// Takes over bytes that are there already.
  static ReadBuffer* adopt(std::vector<std::uint8_t> bytes);

  std::uint8_t* data() noexcept { return data_; }
  std::size_t capacity() const noexcept { return capacity_; }

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }
  /// True when the caller's reference is the only one.
  bool is_unique() const noexcept { return references_.load(std::memory_order_acquire) == 1; }

 private:
  ReadBuffer(std::uint8_t* data, std::size_t capacity, bool mapped) noexcept
      : data_(data), capacity_(capacity), mapped_(mapped) {}
  ~ReadBuffer() = default;
  void destroy() noexcept;

  std::atomic<std::uint32_t> references_{1};
  std::uint8_t* data_;
  std::size_t capacity_;
  bool mapped_;
  [[no_unique_address]] LiveCount<Counted::kReadBuffer> live_;
  std::vector<std::uint8_t> adopted_;  // what data_ points into after adopt(); else empty
};

/// Received bytes together with a share of the memory they live in. Movable; copying shares.
///
/// threads: any, one thread an instance.
class Slice {
 public:
  Slice() noexcept = default;
  /// Takes over one reference on `buffer` (which may be null for static bytes).
  Slice(ReadBuffer* buffer, ByteView bytes) noexcept : buffer_(buffer), bytes_(bytes) {}
  Slice(Slice&& other) noexcept
      : buffer_(std::exchange(other.buffer_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
  Slice(const Slice& other) noexcept : buffer_(other.buffer_), bytes_(other.bytes_) {
    if (buffer_ != nullptr) buffer_->retain();
  }
  Slice& operator=(Slice other) noexcept {
    std::swap(buffer_, other.buffer_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Slice() {
    if (buffer_ != nullptr) buffer_->release();
  }

  /// All of `bytes`, without a copy.
  static Slice adopt(std::vector<std::uint8_t> bytes);

  /// A copy of `bytes` in a buffer of its own.
  static Slice copy_of(ByteView bytes);

  ByteView bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }

  /// The part [offset, offset + count), sharing the memory.
  Slice part(std::size_t offset, std::size_t count) const noexcept {
    if (buffer_ != nullptr) buffer_->retain();
    return {buffer_, bytes_.subspan(offset, count)};
  }

  /// The same, giving this slice's own share away.
  Slice narrow(ByteView to) && noexcept {
    bytes_ = {};
    return {std::exchange(buffer_, nullptr), to};
  }

 private:
  ReadBuffer* buffer_ = nullptr;
  ByteView bytes_;
};

}  // namespace sinew
