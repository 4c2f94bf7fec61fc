#include "base/writer.h"

#include <algorithm>
#include <utility>

namespace sinew {

void Writer::grow(std::size_t count) {
  const std::size_t used = copied_size();
  const std::size_t capacity = static_cast<std::size_t>(end_ - begin_);
  const std::size_t wanted = std::max(capacity + capacity / 2, used + count);
  auto memory = std::make_unique_for_overwrite<std::uint8_t[]>(wanted);
  std::memcpy(memory.get(), begin_, used);
  heap_ = std::move(memory);
  begin_ = heap_.get();
  cursor_ = begin_ + used;
  end_ = begin_ + wanted;
}

void Writer::borrow(ByteView bytes, std::shared_ptr<const void> owner) {
  borrowed_.push_back({copied_size(), bytes, std::move(owner)});
  borrowed_size_ += bytes.size();
}

void Writer::rewind(Mark mark) noexcept {
  cursor_ = begin_ + mark.size;
  while (borrowed_.size() > mark.borrowed) {
    borrowed_size_ -= borrowed_.back().bytes.size();
    borrowed_.pop_back();
  }
}

}  // namespace sinew
