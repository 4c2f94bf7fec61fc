#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/writer.h"
#include "io/stream.h"

namespace sinew::rpc {

/// What is to be sent, in order. A message goes straight from its Writer to the kernel when nothing
/// waits in front of it; what does not fit is queued (borrowed parts without a copy), and several
/// messages that wait leave in one system call.
///
/// Design notes.
///   One thread writes at a time; it is not the lock that says so but writing_, because a write
///   may take the GIL (a stream made in Python) while another thread holds that and wants to send.
///   Whoever comes while another thread writes leaves its message in the queue and goes on: the
///   writer takes along what it finds before it stops. So that no bytes are forgotten, whoever
///   stops writing and leaves bytes behind (is_stuck()) waits for room or has somebody do so.
///   The writer reads the queue's chunks without the lock: only it takes chunks away, and the last
///   one is sealed, so that others append to a new one.
///
/// threads: any. Nothing waits in here.
class Outbox {
 public:
  explicit Outbox(io::Stream& stream) noexcept : stream_(stream) {}

  /// Sends `message` behind whatever waits, as far as it fits now. True when it is with the kernel
  /// or with another thread that is writing, and whose job the rest then is; false when somebody
  /// must wait for room. Fails as the stream does, and with kNoMemory: the stream is then broken.
  Result<bool> submit(const Writer& message);

  /// Only queues `message`; it leaves with the next submit() or flush().
  Result<void> cork(const Writer& message);

  /// Sends what waits, as far as it fits now. No room is no error: look at is_stuck().
  Result<void> flush();

  /// Bytes ever handed in, and bytes ever taken by the kernel.
  std::uint64_t queued() const noexcept { return queued_.load(std::memory_order_acquire); }
  std::uint64_t sent() const noexcept { return sent_.load(std::memory_order_acquire); }
  bool has_pending() const noexcept { return sent() != queued(); }

  /// True when bytes wait and nobody is writing. Unlike has_pending() it is false while a thread is
  /// in the middle of a write: whoever polled for that one to finish would burn a processor, and
  /// for as long as that thread is not running, in vain.
  bool is_stuck() const noexcept { return stuck_.load(std::memory_order_acquire); }

 private:
  // A run of bytes that waits: copied ones in `bytes`, borrowed ones behind `owner`.
  struct Chunk {
    std::vector<std::uint8_t> bytes;
    ByteView borrowed;
    std::shared_ptr<const void> owner;
    bool sealed = false;

    ByteView view() const noexcept { return owner ? borrowed : ByteView(bytes); }
  };

  class Writing;

  Result<std::size_t> try_write(std::span<const iovec> pieces);
  Result<void> write_message(const Writer& message, std::unique_lock<std::mutex>& lock);
  Result<void> write_directly(const Writer& message, std::unique_lock<std::mutex>& lock);
  Result<void> write_queue(std::unique_lock<std::mutex>& lock);
  void count_queued_locked(std::size_t count) noexcept;
  void count_sent_locked(std::size_t count) noexcept;
  void consume_locked(std::size_t count, std::list<Chunk>& done);
  void enqueue_locked(const Writer& message);
  void enqueue_rest_locked(const Writer& message, std::size_t already_sent);

  io::Stream& stream_;
  std::mutex mutex_;
  bool writing_ = false;     // guarded by mutex_
  std::list<Chunk> chunks_;  // guarded by mutex_; see the notes for the writer
  std::size_t head_ = 0;     // guarded by mutex_: bytes of the first chunk that are sent
  std::atomic<std::uint64_t> queued_{0};  // written under mutex_
  std::atomic<std::uint64_t> sent_{0};    // written under mutex_
  std::atomic<bool> stuck_{false};        // written under mutex_
};

}  // namespace sinew::rpc
