#include "rpc/spin.h"

#include <sched.h>

#include <algorithm>

namespace sinew::rpc {
namespace {

constexpr std::uint32_t kFreeMisses = 3;
constexpr std::uint32_t kMaxSkipLog2 = 10;

std::atomic<int> spinning_threads{0};

int count_cpus() noexcept {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace

int usable_cpus() noexcept {
  // The affinity may be changed from outside at any time (taskset -p); asking on each call would
  // cost a system call.
  constexpr std::uint32_t kRefresh = 256;
  static std::atomic<std::uint32_t> uses{0};
  static std::atomic<int> cpus{1};
  if (uses.fetch_add(1, std::memory_order_relaxed) % kRefresh == 0) {
    cpus.store(count_cpus(), std::memory_order_relaxed);
  }
  return cpus.load(std::memory_order_relaxed);
}

void forget_spinning_threads() noexcept { spinning_threads.store(0, std::memory_order_relaxed); }

bool Spin::begin() noexcept {
  const std::uint32_t skip = skip_.load(std::memory_order_relaxed);
  if (skip > 0) {
    skip_.store(skip - 1, std::memory_order_relaxed);
    return false;
  }
  const int places = usable_cpus() - 1;
  if (spinning_threads.fetch_add(1, std::memory_order_relaxed) < places) return true;
  spinning_threads.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void Spin::hit() noexcept {
  spinning_threads.fetch_sub(1, std::memory_order_relaxed);
  misses_.store(0, std::memory_order_relaxed);
}

void Spin::miss() noexcept {
  spinning_threads.fetch_sub(1, std::memory_order_relaxed);
  const std::uint32_t misses = misses_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (misses <= kFreeMisses) return;
  const std::uint32_t exponent = std::min(misses - kFreeMisses, kMaxSkipLog2);
  skip_.store(1u << exponent, std::memory_order_relaxed);
}

}  // namespace sinew::rpc
