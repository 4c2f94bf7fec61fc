#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace sinew::rpc {

/// Decides whether it is worth looking for the answer for a few microseconds before going to
/// sleep. Waking an idle virtual CPU costs 5 us each way: a round trip of 14.8 us becomes 6.2 us
/// when both sides look first (docs/performance.md). On one CPU, or towards a slow peer, it only
/// burns time, so it must keep paying off: after a few misses in a row it is tried ever more
/// rarely, and one hit brings it back.
///
/// threads: any; the counts are hints and races on them are harmless.
class Spin {
 public:
  /// How long to look. The longest that was measured to pay on two cores.
  static constexpr Duration kBudget = std::chrono::microseconds(50);

  /// True when looking is worth a try now. Takes one of the process's places for spinning threads
  /// (one fewer than CPUs), which hit() or miss() gives back.
  bool begin() noexcept;
  void hit() noexcept;
  void miss() noexcept;

 private:
  std::atomic<std::uint32_t> misses_{0};  // in a row
  std::atomic<std::uint32_t> skip_{0};    // tries to leave out before the next
};

/// Gives back, in a child process, the places of threads that only the parent has.
void forget_spinning_threads() noexcept;

/// CPUs that this process may run on, looked up again every so often.
int usable_cpus() noexcept;

}  // namespace sinew::rpc
