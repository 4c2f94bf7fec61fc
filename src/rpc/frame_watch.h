#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace sinew::rpc {

/// Watches that a frame which has begun makes progress: a peer that sends one byte now and then
/// would hold a connection, and the memory of a large frame, for as long as it likes.
///
/// In `timeout` at least kLeast bytes of the frame have to come, or its end. Time in which we do
/// not read does not count: that is not the peer's doing.
///
/// threads: note() the connection's leader; stalls() the caretaker.
class FrameWatch {
 public:
  /// 4 KiB in 30 s are less than the slowest line that anybody uses.
  static constexpr std::uint64_t kLeast = 4096;

  /// Zero: nothing is watched.
  explicit FrameWatch(Duration timeout) noexcept : timeout_(timeout) {}

  Duration timeout() const noexcept { return timeout_; }

  /// How often stalls() is to be asked; zero: never.
  Duration period() const noexcept { return timeout_ / 4; }

  /// `received` bytes have been read in all; the last `partial` of them begin a frame that is not
  /// complete.
  void note(std::uint64_t received, std::size_t partial) noexcept {
    if (timeout_ == Duration::zero()) return;
    received_.store(received, std::memory_order_relaxed);
    begun_.store(partial == 0 ? 0 : received - partial + 1, std::memory_order_relaxed);
  }

  /// True when the frame has made too little progress for the whole of `timeout`. `peers_turn`:
  /// nothing of it waits to be read by us.
  bool stalls(TimePoint now, bool peers_turn) noexcept {
    if (timeout_ == Duration::zero()) return false;
    const std::uint64_t begun = begun_.load(std::memory_order_relaxed);
    const std::uint64_t received = received_.load(std::memory_order_relaxed);
    if (begun == 0 || begun != watched_ || !peers_turn || received - since_bytes_ >= kLeast) {
      watched_ = begun;
      since_bytes_ = received;
      since_ = now;
      return false;
    }
    return now - since_ >= timeout_;
  }

 private:
  const Duration timeout_;
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> begun_{0};  // where the frame begins, plus one; 0: none has begun
  std::uint64_t watched_ = 0;            // the caretaker's: the frame that it saw last
  std::uint64_t since_bytes_ = 0;        // the caretaker's: received, at since_
  TimePoint since_{};                    // the caretaker's
};

}  // namespace sinew::rpc
