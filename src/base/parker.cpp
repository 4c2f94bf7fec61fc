#include "base/parker.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <ctime>

namespace sinew {
namespace {

// FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time, so a spurious return needs no new
// arithmetic. Returns 0 or an errno value.
int futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
               const timespec* until) noexcept {
  const long result = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                                until, nullptr, FUTEX_BITSET_MATCH_ANY);
  return result == 0 ? 0 : errno;
}

timespec to_timespec(TimePoint at) noexcept {
  const auto since = at.time_since_epoch().count();
  return {.tv_sec = static_cast<time_t>(since / 1'000'000'000),
          .tv_nsec = static_cast<long>(since % 1'000'000'000)};
}

}  // namespace

Parker::Wake Parker::park(Deadline deadline) noexcept {
  if (!deadline.clock().is_manual()) return sleep(deadline);
  const auto& clock = static_cast<const ManualClock&>(deadline.clock());
  clock.add(*this);
  const Wake wake = deadline.passed() ? Wake::kTimedOut : sleep(Deadline::never());
  clock.remove(*this);
  return wake == Wake::kWoken && deadline.passed() ? Wake::kTimedOut : wake;
}

Parker::Wake Parker::sleep(Deadline deadline) noexcept {
  std::uint32_t seen = kEmpty;
  if (!state_.compare_exchange_strong(seen, kSleeping, std::memory_order_acquire)) {
    state_.store(kEmpty, std::memory_order_relaxed);  // the token was there already
    return Wake::kWoken;
  }
  const timespec until = deadline.is_never() ? timespec{} : to_timespec(deadline.at());
  while (true) {
    const int error = futex_wait(state_, kSleeping, deadline.is_never() ? nullptr : &until);
    if (state_.load(std::memory_order_acquire) == kToken) {
      state_.store(kEmpty, std::memory_order_relaxed);
      return Wake::kWoken;
    }
    if (error == ETIMEDOUT || error == EINTR) {
      // A token may arrive at this very moment: whoever left it counts on it being seen.
      if (state_.exchange(kEmpty, std::memory_order_acquire) == kToken) return Wake::kWoken;
      return error == EINTR ? Wake::kInterrupted : Wake::kTimedOut;
    }
  }
}

bool Parker::post() noexcept {
  return state_.exchange(kToken, std::memory_order_release) == kSleeping;
}

void Parker::kick(const void* address) noexcept {
  if (address == nullptr) return;
  ::syscall(SYS_futex, address, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, nullptr, nullptr, 0);
}

}  // namespace sinew
