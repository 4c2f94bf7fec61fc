#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace sinew {

/// A place where one thread sleeps until another wakes it, the deadline passes or a signal
/// arrives. A condition variable cannot do the last: it never returns on EINTR, and Ctrl-C would
/// hang a waiting thread.
///
/// A wake-up is a token: posted before park() it makes that park() return at once; several posted
/// together count as one.
///
/// threads: park() by the owner only; post() and wake() by any.
class Parker final : private ManualClock::Listener {
 public:
  enum class Wake : std::uint8_t { kWoken, kTimedOut, kInterrupted };

  Parker() = default;
  Parker(const Parker&) = delete;
  Parker& operator=(const Parker&) = delete;

  /// Sleeps until woken. kInterrupted after a signal: the caller looks at its signals and parks
  /// again or leaves.
  Wake park(Deadline deadline) noexcept;

  /// Leaves the token and says whether kick() must follow. Split in two so that the token can be
  /// left under a lock and the system call made after it: the parker may be gone by then, which
  /// kick() survives because it only names an address.
  [[nodiscard]] bool post() noexcept;

  /// Second half of a wake-up: wakes whoever sleeps at `address`. Null: nobody.
  static void kick(const void* address) noexcept;
  const void* address() const noexcept { return &state_; }

  /// Both halves. The parker must outlive the call.
  void wake() noexcept {
    if (post()) kick(address());
  }

 private:
  void time_advanced() noexcept override { wake(); }
  Wake sleep(Deadline deadline) noexcept;

  static constexpr std::uint32_t kEmpty = 0;
  static constexpr std::uint32_t kToken = 1;
  static constexpr std::uint32_t kSleeping = 2;

  std::atomic<std::uint32_t> state_{kEmpty};
};

}  // namespace sinew
