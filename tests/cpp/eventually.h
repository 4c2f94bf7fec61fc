#pragma once

#include <chrono>
#include <thread>

namespace sinew::testing {

/// Looks until `predicate()` is true, for 20 seconds at most. What it was last.
bool eventually(auto&& predicate) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!predicate()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // lint: workload
  }
  return true;
}

}  // namespace sinew::testing
