#include "io/memory_stream.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

#include "base/parker.h"

namespace sinew::io {
namespace {

// Both directions and everybody who waits for either, under one lock: a test's streams need no
// concurrency of their own.
struct Joint {
  explicit Joint(std::size_t capacity_of_each) : capacity(capacity_of_each) {}

  void wake_all_locked() {
    for (Parker* parker : waiting) parker->wake();
  }

  const std::size_t capacity;
  std::mutex mutex;
  std::deque<std::uint8_t> bytes[2];  // guarded by mutex; index: the side that reads them
  bool closed = false;                // guarded by mutex
  std::vector<Parker*> waiting;       // guarded by mutex
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(std::shared_ptr<Joint> joint, int side) : joint_(std::move(joint)), side_(side) {}
  ~MemoryStream() override { interrupt(); }

  Result<std::size_t> try_read(MutableByteView into, std::size_t /*wanted*/) override {
    const std::scoped_lock lock(joint_->mutex);
    auto& queue = joint_->bytes[side_];
    if (queue.empty()) return fail(joint_->closed ? Errc::kEndOfStream : Errc::kWouldBlock);
    const std::size_t count = std::min(into.size(), queue.size());
    std::copy_n(queue.begin(), count, into.begin());
    queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
    joint_->wake_all_locked();
    return count;
  }

  Result<std::size_t> read(MutableByteView into, std::size_t wanted, Deadline deadline) override {
    while (true) {
      auto count = try_read(into, wanted);
      if (count || count.error() != Errc::kWouldBlock) return count;
      SINEW_TRY(wait({.readable = true, .writable = false}, deadline));
    }
  }

  Result<std::size_t> try_write(std::span<const iovec> pieces) override {
    const std::scoped_lock lock(joint_->mutex);
    if (joint_->closed) return fail(Errc::kConnectionReset);
    auto& queue = joint_->bytes[1 - side_];
    std::size_t written = 0;
    for (const iovec& piece : pieces) {
      const std::size_t room = joint_->capacity - queue.size();
      const std::size_t count = std::min(room, piece.iov_len);
      const auto* from = static_cast<const std::uint8_t*>(piece.iov_base);
      queue.insert(queue.end(), from, from + count);
      written += count;
      if (count < piece.iov_len) break;
    }
    if (written == 0) return fail(Errc::kWouldBlock);
    joint_->wake_all_locked();
    return written;
  }

  Result<Readiness> wait(Readiness wanted, Deadline deadline) override {
    Parker parker;
    while (true) {
      {
        const std::scoped_lock lock(joint_->mutex);
        std::erase(joint_->waiting, &parker);
        const Readiness found{
            .readable = wanted.readable && (joint_->closed || !joint_->bytes[side_].empty()),
            .writable = wanted.writable &&
                        (joint_->closed || joint_->bytes[1 - side_].size() < joint_->capacity)};
        if (found.readable || found.writable) return found;
        if (deadline.passed()) return fail(Errc::kTimedOut);
        joint_->waiting.push_back(&parker);
      }
      const Parker::Wake wake = parker.park(deadline);
      if (wake == Parker::Wake::kInterrupted) {
        const std::scoped_lock lock(joint_->mutex);
        std::erase(joint_->waiting, &parker);
        return fail(Errc::kInterrupted);
      }
    }
  }

  std::optional<std::size_t> unread() const noexcept override {
    const std::scoped_lock lock(joint_->mutex);
    return joint_->bytes[side_].size();
  }

  Result<std::size_t> peek(MutableByteView into) override {
    const std::scoped_lock lock(joint_->mutex);
    const auto& queue = joint_->bytes[side_];
    if (queue.empty()) return fail(joint_->closed ? Errc::kEndOfStream : Errc::kWouldBlock);
    const std::size_t count = std::min(into.size(), queue.size());
    std::copy_n(queue.begin(), count, into.begin());
    return count;
  }

  void interrupt() noexcept override {
    const std::scoped_lock lock(joint_->mutex);
    joint_->closed = true;
    joint_->wake_all_locked();
  }

  int descriptor() const noexcept override { return -1; }
  std::string last_error() const override { return "the other end is closed"; }
  std::string describe() const override { return "memory"; }

 private:
  std::shared_ptr<Joint> joint_;
  int side_;
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_memory_pair(std::size_t capacity) {
  auto joint = std::make_shared<Joint>(capacity);
  return {std::make_unique<MemoryStream>(joint, 0), std::make_unique<MemoryStream>(joint, 1)};
}

}  // namespace sinew::io
