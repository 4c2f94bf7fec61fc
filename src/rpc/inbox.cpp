#include "rpc/inbox.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sinew::rpc {

Inbox::~Inbox() {
  if (buffer_ != nullptr) buffer_->release();
}

void Inbox::trim() noexcept {
  if (buffer_ == nullptr || filled_ != taken_) return;
  std::exchange(buffer_, nullptr)->release();
  taken_ = filled_ = 0;
}

// Learns the size of the frame at taken_, and whether it is complete. Behind complete frames that
// is done early, when the one in front of it is handed out.
Result<void> Inbox::look() {
  const std::size_t available = filled_ - taken_;
  if (frame_size_ == 0) {
    if (available == 0) {
      complete_ = false;
      return {};
    }
    SINEW_ASSIGN(frame_size_, session_.frame_size({buffer_->data() + taken_, available}));
  }
  complete_ = frame_size_ != 0 && available >= frame_size_;
  return {};
}

Result<std::optional<Slice>> Inbox::split() {
  if (bad_ != Errc::kOk) return fail(bad_);
  if (!complete_) return std::nullopt;
  buffer_->retain();
  Slice frame(buffer_, ByteView(buffer_->data() + taken_, frame_size_));
  taken_ += frame_size_;
  frame_size_ = 0;
  // A bad header behind it takes nothing from this frame: the next split() reports it.
  if (const auto next_one = look(); !next_one) {
    complete_ = false;
    bad_ = next_one.error();
  }
  return frame;
}

Result<std::optional<Slice>> Inbox::next() {
  if (ahead_.empty()) [[likely]]
    return split();
  Slice frame = std::move(ahead_.front());
  ahead_.pop_front();
  ahead_bytes_ -= frame.size();
  return frame;
}

Result<std::size_t> Inbox::set_aside() {
  while (true) {
    SINEW_ASSIGN(auto frame, split());
    if (!frame) return ahead_bytes_;
    ahead_bytes_ += frame->size();
    ahead_.push_back(*std::move(frame));
  }
}

// Where the next read may go: behind what is filled, in a buffer that can hold the frame that has
// begun. Slices of the old buffer may still be in use, so its bytes are only moved when nobody
// else holds a share.
Result<MutableByteView> Inbox::prepare() {
  const std::size_t pending = filled_ - taken_;
  const std::size_t wanted = std::max(frame_size_, kBufferSize);
  const bool unique = buffer_ != nullptr && buffer_->is_unique();
  if (unique && pending == 0) taken_ = filled_ = 0;
  const bool fits =
      buffer_ != nullptr && buffer_->capacity() - taken_ >= std::max(frame_size_, pending + 1);
  const bool oversized = buffer_ != nullptr && buffer_->capacity() > wanted;
  if (!fits || (oversized && pending == 0)) {
    if (unique && buffer_->capacity() >= wanted && !oversized) {
      std::memmove(buffer_->data(), buffer_->data() + taken_, pending);
    } else {
      ReadBuffer* fresh = ReadBuffer::make(wanted);
      if (fresh == nullptr) return fail(Errc::kNoMemory);
      if (pending != 0) std::memcpy(fresh->data(), buffer_->data() + taken_, pending);
      if (buffer_ != nullptr) buffer_->release();
      buffer_ = fresh;
    }
    taken_ = 0;
    filled_ = pending;
  }
  // A large frame gets a buffer to itself: reading beyond it would pin its memory for others.
  const std::size_t end = frame_size_ > kBufferSize ? taken_ + frame_size_ : buffer_->capacity();
  return MutableByteView(buffer_->data() + filled_, end - filled_);
}

// The bytes that the frame that has begun lacks, or its header.
std::size_t Inbox::missing() const noexcept {
  return (frame_size_ != 0 ? frame_size_ : session_.header_size()) - (filled_ - taken_);
}

Result<void> Inbox::took(std::size_t count) {
  filled_ += count;
  received_ += count;
  return look();
}

Result<void> Inbox::try_fill() {
  SINEW_ASSIGN(const MutableByteView into, prepare());
  SINEW_ASSIGN(const std::size_t count, stream_.try_read(into, missing()));
  return took(count);
}

Result<void> Inbox::fill(Deadline deadline) {
  SINEW_ASSIGN(const MutableByteView into, prepare());
  SINEW_ASSIGN(const std::size_t count, stream_.read(into, missing(), deadline));
  return took(count);
}

}  // namespace sinew::rpc
