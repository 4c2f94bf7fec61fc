#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "rpc/session.h"
#include "state.h"

namespace sinew::python {

class Peer;

/// A request that is being served on this thread: what calls made meanwhile are part of, and what a
/// cancellation finds. On the stack of the thread, one inside the other for callbacks.
///
/// A cancelled request is stopped by sinew.Cancelled, raised in its thread at the next instruction
/// of Python code or within 150 ms in a call of ours that waits. Code that waits elsewhere
/// (time.sleep(), a socket) goes on to its end. While a callback is served inside it, the callback
/// goes on, and the exception comes after.
///
/// With the GIL held, unless said otherwise.
class Serving {
 public:
  Serving(Peer& peer, const rpc::Incoming& request) noexcept;
  ~Serving();
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  /// The one that this thread is at, or null. gil: either.
  static Serving* innermost() noexcept;

  /// Stops the work of that request, if it is being served. False if it is not.
  static bool cancel(std::uint64_t peer_serial, std::int64_t seq) noexcept;

  /// In a child after fork(): forgets what other threads, which are not there, were serving.
  static void after_fork() noexcept;

  const Peer& peer() const noexcept { return peer_; }
  std::int64_t seq() const noexcept { return seq_; }
  Deadline deadline() const noexcept { return deadline_; }

  /// Nobody waits for the answer: its caller gave up, or its deadline passed. gil: either.
  bool is_cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }
  bool may_be_cancelled() const noexcept { return may_be_cancelled_; }

  /// Raises sinew.Cancelled on this thread, for which it is the innermost.
  void raise() noexcept;

 private:
  void strike() noexcept;
  void hold_back() noexcept;
  TimePoint stops_at() const noexcept;

  Peer& peer_;
  const std::int64_t seq_;
  const Deadline deadline_;
  const bool may_be_cancelled_;
  bool struck_ = false;  // an exception was left for the thread to find
  std::atomic<bool> cancelled_{false};
  unsigned long thread_;
  Serving* const outer_;  // of the same thread
  Serving* inner_ = nullptr;
  Serving* previous_ = nullptr;  // of all threads
  Serving* next_ = nullptr;
};

/// The time limit that the calling code is under: that of `with sinew.deadline()`, and that of the
/// request that this thread serves. Never if there is none.
Deadline scope_deadline(const State& state) noexcept;

/// Makes sinew.Cancelled, and the context variable of sinew.deadline. False with an exception set.
bool init_serving(State& state, PyObject* module) noexcept;

}  // namespace sinew::python
