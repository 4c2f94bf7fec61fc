#pragma once

#include <poll.h>

#include <ctime>
#include <span>

#include "base/clock.h"
#include "base/errc.h"

namespace sinew::io {

/// poll(2) until `deadline` with nanosecond timeouts. kTimedOut, kInterrupted (a signal), or
/// nothing: then look at the entries' revents. A deadline of a manual clock counts as never: real
/// descriptors live in real time.
inline Result<void> poll_until(std::span<pollfd> entries, Deadline deadline) noexcept {
  timespec left{};
  const timespec* timeout = nullptr;
  if (!deadline.is_never() && !deadline.clock().is_manual()) {
    const auto remaining = deadline.remaining().count();
    left = {.tv_sec = static_cast<time_t>(remaining / 1'000'000'000),
            .tv_nsec = static_cast<long>(remaining % 1'000'000'000)};
    timeout = &left;
  }
  const int ready = ::ppoll(entries.data(), static_cast<nfds_t>(entries.size()), timeout, nullptr);
  if (ready > 0) return {};
  return fail(ready == 0 ? Errc::kTimedOut : Errc::kInterrupted);
}

}  // namespace sinew::io
