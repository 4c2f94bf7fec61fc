#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>

#include "api/housekeeper.h"
#include "base/clock.h"
#include "rpc/session.h"

namespace sinew::detail {

class Peer;
class Serving;

/// What is being served for one peer: what a cancellation finds.
///
/// threads: any.
class Servings {
 public:
  /// Nobody waits for the answer to the request any more. One that has not been begun will not be.
  void cancel(std::int64_t seq) noexcept;

  /// Nobody waits for any answer any more.
  void stop_all() noexcept;

 private:
  friend class Serving;

  /// Cancellations of requests that were not found are remembered for this many, oldest first: such
  /// a request was read and has not been begun, or it is done.
  static constexpr std::size_t kMostEarly = 1000;

  bool enter(Serving& serving);
  void leave(Serving& serving) noexcept;

  std::mutex mutex_;
  Serving* first_ = nullptr;      // guarded by mutex_
  std::set<std::int64_t> early_;  // guarded by mutex_
  bool ended_ = false;            // guarded by mutex_: stop_all() was called
};

/// A request of the peer's that this thread serves, from being taken off the stream on.
///
/// threads: one, on its stack.
class Serving {
 public:
  Serving(Peer& peer, const rpc::Incoming& request);
  ~Serving();
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  Peer& peer() const noexcept { return peer_; }
  std::int64_t seq() const noexcept { return seq_; }
  Deadline deadline() const noexcept { return deadline_; }
  std::size_t depth() const noexcept { return depth_; }

  /// It was cancelled before it was begun.
  bool is_stillborn() const noexcept { return stillborn_; }

  /// Whether it may come to an end before it is done.
  bool may_be_stopped() const noexcept;
  bool is_stopped() const noexcept;

  /// The same for the program's functions; from then on the end of the connection is noticed soon.
  bool stop_requested() const noexcept;
  std::stop_token stop_token();

  /// What this thread serves now; null: nothing.
  static Serving* innermost() noexcept;

 private:
  friend class Servings;

  void watch() const noexcept;
  void stop_locked() noexcept;
  TimePoint stops_at() const noexcept;

  Peer& peer_;
  const std::int64_t seq_;
  const Deadline deadline_;
  Serving* const outer_;
  const std::size_t depth_;
  std::atomic<bool> stopped_{false};
  bool stillborn_ = false;
  mutable bool watching_ = false;              // this thread's: for the end of the connection
  Serving* previous_ = nullptr;                // guarded by the lock of Servings
  Serving* next_ = nullptr;                    // guarded by the lock of Servings
  std::stop_source source_{std::nostopstate};  // guarded by the lock of Servings
  std::optional<Housekeeper::Ticket> expiry_;  // this thread's
};

/// Throws the error of a call that waits inside work which nobody waits for, if it is that.
void throw_if_stopped();

}  // namespace sinew::detail
