#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/endian.h"

namespace sinew {

/// A growing output buffer: compare, copy, advance. The first kInlineSize bytes live in the object
/// itself, so that a call-sized message built on the stack allocates nothing.
///
/// Large payloads are not copied: borrow() splices the caller's bytes between what was written
/// before and what is written after, together with the owner that keeps them alive.
///
/// threads: one. Fails only by std::bad_alloc.
class Writer {
 public:
  static constexpr std::size_t kInlineSize = 512;

  /// Bytes that live elsewhere, at `offset` in the copied part of the buffer.
  struct Borrowed {
    std::size_t offset;
    ByteView bytes;
    std::shared_ptr<const void> owner;
  };

  /// A place to come back to with rewind().
  struct Mark {
    std::size_t size;
    std::size_t borrowed;
  };

  Writer() noexcept : begin_(inline_), cursor_(inline_), end_(inline_ + kInlineSize) {}
  ~Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void put(std::uint8_t byte) { *extend(1) = byte; }
  void put_be32(std::uint32_t value) { store_be32(extend(4), value); }
  void put_be64(std::uint64_t value) { store_be64(extend(8), value); }

  void append(ByteView bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
  }

  /// Makes room for `count` bytes and returns where they are to be written. The pointer is valid
  /// until the next call of a non-const member.
  std::uint8_t* extend(std::size_t count) {
    if (static_cast<std::size_t>(end_ - cursor_) < count) [[unlikely]]
      grow(count);
    std::uint8_t* at = cursor_;
    cursor_ += count;
    return at;
  }

  /// Splices `bytes` in at the current place without a copy. `owner` keeps them alive until they
  /// have been sent or the writer is cleared.
  void borrow(ByteView bytes, std::shared_ptr<const void> owner);

  /// Bytes copied into the buffer; what was borrowed does not count.
  std::size_t copied_size() const noexcept { return static_cast<std::size_t>(cursor_ - begin_); }

  /// All bytes of the message, copied and borrowed.
  std::size_t total_size() const noexcept { return copied_size() + borrowed_size_; }

  /// The copied bytes. When borrowed() is empty this is the whole message.
  ByteView copied() const noexcept { return {begin_, copied_size()}; }

  /// What was borrowed, in order of offset.
  const std::vector<Borrowed>& borrowed() const noexcept { return borrowed_; }

  /// The `count` copied bytes at `offset`, to patch a length in afterwards.
  std::uint8_t* at(std::size_t offset) noexcept { return begin_ + offset; }

  Mark mark() const noexcept { return {copied_size(), borrowed_.size()}; }

  /// Forgets everything that was written after `mark` was taken.
  void rewind(Mark mark) noexcept;

  /// Forgets everything; keeps the memory.
  void clear() noexcept { rewind({0, 0}); }

 private:
  [[gnu::noinline]] void grow(std::size_t count);

  std::uint8_t* begin_;
  std::uint8_t* cursor_;
  std::uint8_t* end_;
  std::size_t borrowed_size_ = 0;
  std::vector<Borrowed> borrowed_;
  std::unique_ptr<std::uint8_t[]> heap_;
  std::uint8_t inline_[kInlineSize];  // not initialised on purpose: it is written first
};

}  // namespace sinew
