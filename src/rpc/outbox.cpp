#include "rpc/outbox.h"

#include <algorithm>
#include <array>

namespace sinew::rpc {
namespace {

constexpr std::size_t kMaxPieces = 64;  // far below IOV_MAX; more goes in the next write
constexpr std::size_t kOpenChunk = 64 * 1024;

// The pieces of one write, collected on the stack.
class Pieces {
 public:
  bool full() const noexcept { return count_ == kMaxPieces; }
  std::span<const iovec> span() const noexcept { return {pieces_.data(), count_}; }

  void add(ByteView bytes) noexcept {
    if (bytes.empty() || full()) return;
    // iovec is shared with reading and therefore not const; sendmsg does not write through it.
    pieces_[count_++] = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  }

 private:
  std::array<iovec, kMaxPieces> pieces_;
  std::size_t count_ = 0;
};

using Owner = std::shared_ptr<const void>;

// Calls `visit(bytes, owner)` for each run of the message in order; owner is null for copied ones.
template <class Visit>
void for_each_run(const Writer& message, Visit visit) {
  const ByteView copied = message.copied();
  std::size_t at = 0;
  for (const Writer::Borrowed& piece : message.borrowed()) {
    visit(copied.subspan(at, piece.offset - at), nullptr);
    visit(piece.bytes, &piece.owner);
    at = piece.offset;
  }
  visit(copied.subspan(at), nullptr);
}

}  // namespace

// One write, without the lock. 0 when there is no room.
Result<std::size_t> Outbox::try_write(std::span<const iovec> pieces) {
  while (true) {
    const auto written = stream_.try_write(pieces);
    if (written || written.error() != Errc::kInterrupted) {
      return !written && written.error() == Errc::kWouldBlock ? Result<std::size_t>(0) : written;
    }
  }
}

void Outbox::count_queued_locked(std::size_t count) noexcept {
  queued_.store(queued_.load(std::memory_order_relaxed) + count, std::memory_order_release);
}

void Outbox::count_sent_locked(std::size_t count) noexcept {
  sent_.store(sent_.load(std::memory_order_relaxed) + count, std::memory_order_release);
}

// Drops `count` sent bytes from the queue. The chunks go to `done`: their owners may do anything
// when they are let go of, so that happens without the lock.
void Outbox::consume_locked(std::size_t count, std::list<Chunk>& done) {
  count_sent_locked(count);
  while (count > 0) {
    const std::size_t left = chunks_.front().view().size() - head_;
    if (count < left) {
      head_ += count;
      return;
    }
    count -= left;
    head_ = 0;
    done.splice(done.end(), chunks_, chunks_.begin());
  }
}

void Outbox::enqueue_locked(const Writer& message) {
  for_each_run(message, [&](ByteView bytes, const Owner* owner) {
    if (bytes.empty()) return;
    if (owner != nullptr) {
      chunks_.push_back({.bytes = {}, .borrowed = bytes, .owner = *owner, .sealed = true});
      return;
    }
    const bool open = !chunks_.empty() && !chunks_.back().sealed &&
                      chunks_.back().bytes.size() + bytes.size() <= kOpenChunk;
    if (!open) chunks_.emplace_back();
    auto& into = chunks_.back().bytes;
    into.insert(into.end(), bytes.begin(), bytes.end());
  });
}

// Puts what is left of a message that was begun in front of what others queued meanwhile.
void Outbox::enqueue_rest_locked(const Writer& message, std::size_t already_sent) {
  std::list<Chunk> rest;
  std::size_t skip = already_sent;
  for_each_run(message, [&](ByteView bytes, const Owner* owner) {
    const std::size_t drop = std::min(skip, bytes.size());
    skip -= drop;
    bytes = bytes.subspan(drop);
    if (bytes.empty()) return;
    rest.push_back({.bytes = {}, .borrowed = bytes, .owner = {}, .sealed = true});
    if (owner != nullptr) {
      rest.back().owner = *owner;
    } else {
      rest.back().bytes.assign(bytes.begin(), bytes.end());
    }
  });
  chunks_.splice(chunks_.begin(), rest);
}

// Writes a message in front of which nothing waits, straight from its Writer.
Result<void> Outbox::write_directly(const Writer& message, std::unique_lock<std::mutex>& lock) {
  Pieces pieces;
  for_each_run(message, [&](ByteView bytes, const Owner*) { pieces.add(bytes); });
  lock.unlock();
  const auto written = try_write(pieces.span());
  lock.lock();
  if (!written) return fail(written.error());
  count_sent_locked(*written);
  if (*written < message.total_size()) enqueue_rest_locked(message, *written);
  return {};
}

// Writes the queue until it is empty or there is no more room.
Result<void> Outbox::write_queue(std::unique_lock<std::mutex>& lock) {
  std::list<Chunk> done;
  const auto let_go = [&] {
    lock.unlock();
    done.clear();
    lock.lock();
  };
  while (!chunks_.empty()) {
    Pieces pieces;
    for (const Chunk& chunk : chunks_) {
      if (pieces.full()) break;
      pieces.add(chunk.view().subspan(&chunk == &chunks_.front() ? head_ : 0));
    }
    chunks_.back().sealed = true;
    lock.unlock();
    const auto written = try_write(pieces.span());
    lock.lock();
    if (!written) return fail(written.error());
    if (*written != 0) consume_locked(*written, done);
    if (!done.empty()) let_go();  // others may queue more meanwhile
    if (*written == 0) return {};
  }
  return {};
}

// This thread writes, for a scope that begins and ends with the lock held.
class Outbox::Writing {
 public:
  Writing(Outbox& outbox, std::unique_lock<std::mutex>& lock) noexcept
      : outbox_(outbox), lock_(lock) {
    outbox_.writing_ = true;
    outbox_.stuck_.store(false, std::memory_order_relaxed);
  }
  ~Writing() {
    if (!lock_.owns_lock()) lock_.lock();
    outbox_.writing_ = false;
    outbox_.stuck_.store(!outbox_.chunks_.empty(), std::memory_order_release);
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

 private:
  Outbox& outbox_;
  std::unique_lock<std::mutex>& lock_;
};

// A message of which only a part could be queued must not be followed by another: running out of
// memory is an error of the stream.
Result<bool> Outbox::submit(const Writer& message) try {
  std::unique_lock lock(mutex_);
  count_queued_locked(message.total_size());
  if (writing_) {
    enqueue_locked(message);
    return true;
  }
  const Writing writing(*this, lock);
  const auto result = write_message(message, lock);
  if (!result) return fail(result.error());
  return chunks_.empty();
} catch (const std::bad_alloc&) {
  return fail(Errc::kNoMemory);
}

Result<void> Outbox::write_message(const Writer& message, std::unique_lock<std::mutex>& lock) {
  if (chunks_.empty()) {
    SINEW_TRY(write_directly(message, lock));
  } else {
    enqueue_locked(message);
  }
  return write_queue(lock);
}

Result<void> Outbox::cork(const Writer& message) try {
  const std::scoped_lock lock(mutex_);
  count_queued_locked(message.total_size());
  enqueue_locked(message);
  if (!writing_) stuck_.store(true, std::memory_order_release);
  return {};
} catch (const std::bad_alloc&) {
  return fail(Errc::kNoMemory);
}

Result<void> Outbox::flush() {
  std::unique_lock lock(mutex_);
  if (writing_ || chunks_.empty()) return {};
  const Writing writing(*this, lock);
  return write_queue(lock);
}

}  // namespace sinew::rpc
