#include "base/read_buffer.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace sinew {
namespace {

std::uint8_t* map_huge(std::size_t capacity) noexcept {
  void* memory =
      ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  ::madvise(memory, capacity, MADV_HUGEPAGE);  // a hint: refusal only costs speed
  return static_cast<std::uint8_t*>(memory);
}

void give_back(std::uint8_t* data, std::size_t capacity, bool mapped) noexcept {
  if (mapped) {
    ::munmap(data, capacity);
  } else {
    ::operator delete(data);
  }
}

}  // namespace

ReadBuffer* ReadBuffer::make(std::size_t capacity) noexcept {
  const bool mapped = capacity >= kHugeThreshold;
  auto* data = mapped ? map_huge(capacity)
                      : static_cast<std::uint8_t*>(::operator new(capacity, std::nothrow));
  if (data == nullptr) return nullptr;
  auto* buffer = new (std::nothrow) ReadBuffer(data, capacity, mapped);
  if (buffer == nullptr) give_back(data, capacity, mapped);
  return buffer;
}

ReadBuffer* ReadBuffer::adopt(std::vector<std::uint8_t> bytes) {
  auto* buffer = new ReadBuffer(bytes.data(), bytes.size(), false);
  buffer->adopted_ = std::move(bytes);  // moving keeps the elements where they are
  return buffer;
}

void ReadBuffer::destroy() noexcept {
  if (adopted_.empty()) give_back(data_, capacity_, mapped_);
  delete this;
}

Slice Slice::adopt(std::vector<std::uint8_t> bytes) {
  if (bytes.empty()) return {};
  const std::size_t size = bytes.size();
  ReadBuffer* buffer = ReadBuffer::adopt(std::move(bytes));
  return {buffer, ByteView(buffer->data(), size)};
}

Slice Slice::copy_of(ByteView bytes) {
  ReadBuffer* buffer = ReadBuffer::make(bytes.size());
  if (buffer == nullptr) throw std::bad_alloc();
  if (!bytes.empty()) std::memcpy(buffer->data(), bytes.data(), bytes.size());
  return {buffer, ByteView(buffer->data(), bytes.size())};
}

}  // namespace sinew
