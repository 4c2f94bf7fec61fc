#include "base/counters.h"

namespace sinew {
namespace detail {

constinit std::array<LiveCounter, kCountedClasses> live_counters{};

}  // namespace detail

std::array<LiveObjects, kCountedClasses> snapshot() noexcept {
  constexpr std::array<std::string_view, kCountedClasses> names = {
#define SINEW_COUNTED_TEXT_(name) #name,
      SINEW_COUNTED_CLASSES(SINEW_COUNTED_TEXT_)
#undef SINEW_COUNTED_TEXT_
  };
  std::array<LiveObjects, kCountedClasses> counts{};
  for (std::size_t i = 0; i < kCountedClasses; ++i) {
    counts[i] = {names[i], detail::live_counters[i].live.load(std::memory_order_relaxed)};
  }
  return counts;
}

}  // namespace sinew
