#include "trace/journal.h"

#include <utility>

namespace sinew::trace {

void Journal::add(Entry entry) {
  {
    const std::scoped_lock lock(mutex_);
    const std::size_t size = sizeof(Entry) + entry.piece.bytes.size();
    if (entry.kind == Entry::Kind::kPiece && bytes_ + size > most_bytes_) {
      ++dropped_;
      return;
    }
    bytes_ += size;
    entries_.push_back(std::move(entry));
  }
  reader_.wake();
}

void Journal::close() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  reader_.wake();
}

std::optional<Journal::Entry> Journal::take() {
  std::unique_lock lock(mutex_);
  while (entries_.empty()) {
    if (closed_) return std::nullopt;
    lock.unlock();
    static_cast<void>(reader_.park(Deadline::never()));
    lock.lock();
  }
  Entry entry = std::move(entries_.front());
  entries_.pop_front();
  bytes_ -= sizeof(Entry) + entry.piece.bytes.size();
  return entry;
}

std::uint64_t Journal::dropped() const {
  const std::scoped_lock lock(mutex_);
  return dropped_;
}

}  // namespace sinew::trace
