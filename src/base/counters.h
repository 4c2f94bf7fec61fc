#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sinew {

/// How many objects of the classes that may leak are alive. A leak test takes a snapshot before and
/// after and expects the same; a program prints it where it looks for what it still holds.
///
/// A class takes part by a line in this list and by a member (or base):
///
///     [[no_unique_address]] LiveCount<Counted::kCall> count_;
#define SINEW_COUNTED_CLASSES(X) \
  X(Connection)                  \
  X(Call)                        \
  X(ReadBuffer)                  \
  X(Stream)                      \
  X(Export)                      \
  X(Release)                     \
  X(Netref)                      \
  X(AsyncResult)

enum class Counted : std::uint8_t {
#define SINEW_COUNTED_NAME_(name) k##name,
  SINEW_COUNTED_CLASSES(SINEW_COUNTED_NAME_)
#undef SINEW_COUNTED_NAME_
};

#define SINEW_COUNTED_ONE_(name) +1
inline constexpr std::size_t kCountedClasses = SINEW_COUNTED_CLASSES(SINEW_COUNTED_ONE_);
#undef SINEW_COUNTED_ONE_

namespace detail {

/// One counter on a cache line of its own: connections on different processors do not share it.
struct alignas(64) LiveCounter {
  std::atomic<std::int64_t> live{0};
};
extern constinit std::array<LiveCounter, kCountedClasses> live_counters;

}  // namespace detail

/// Counts the object it is part of, from construction to destruction.
///
/// threads: any.
template <Counted kClass>
class LiveCount {
 public:
  LiveCount() noexcept { add(1); }
  LiveCount(const LiveCount&) noexcept { add(1); }
  LiveCount& operator=(const LiveCount&) noexcept = default;
  ~LiveCount() { add(-1); }

 private:
  static void add(std::int64_t change) noexcept {
    detail::live_counters[static_cast<std::size_t>(kClass)].live.fetch_add(
        change, std::memory_order_relaxed);
  }
};

/// For objects that no LiveCount can be part of, such as C structs of another runtime: adds
/// `change`, 1 or -1, by hand.
inline void count_live(Counted counted, std::int64_t change) noexcept {
  detail::live_counters[static_cast<std::size_t>(counted)].live.fetch_add(
      change, std::memory_order_relaxed);
}

/// One line of a snapshot.
struct LiveObjects {
  std::string_view name;  ///< the class, as in the list above
  std::int64_t live;
};

/// The counters as they are now, in the order of the list. Each is exact; together they are not of
/// one moment while other threads work.
///
/// threads: any.
std::array<LiveObjects, kCountedClasses> snapshot() noexcept;

}  // namespace sinew
