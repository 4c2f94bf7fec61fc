#pragma once

#include <atomic>
#include <cstddef>
#include <optional>

#include "base/parker.h"
#include "rpc/session.h"

namespace sinew::rpc {

class Call;

/// One waiting thread, on its own stack for as long as it waits.
struct Seat {
  explicit Seat(Call* waits_for = nullptr) noexcept : call(waits_for) {}
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  Parker parker;
  Call* const call;              ///< what it waits for; null for a thread that only serves
  Seat* next_of_call = nullptr;  ///< other threads that wait for the same call
  Seat* previous = nullptr;      ///< the queue of followers
  Seat* next = nullptr;
  bool queued = false;
  std::atomic<bool> serving{
      false};  ///< its thread serves something inside the wait, unanswered yet

  /// A request that the peer makes on behalf of `call`, left here by the leader together with the
  /// lead: the next that this thread does. Written under the lock by whoever gives the lead.
  std::optional<Incoming> given;

  /// Set last by who completes `call` from another thread: nobody touches the seat any more, so its
  /// thread may leave without the lock.
  std::atomic<bool> released{false};
};

/// Who reads: leader and followers.
///
/// Many threads wait on one connection, and exactly one of them, the leader, reads it; the others
/// are followers, asleep in arrival order. The leader hands a follower its answer and wakes just
/// that one; when the leader leaves (its own answer came, its deadline passed, a request is to be
/// served) it promotes the follower that has waited longest. No thread is ever woken to find that
/// there is nothing for it, and a lone caller pays two assignments for all this.
///
/// Design notes.
///   States: nobody leads; or one seat leads. The queue holds seats that sleep or are about to.
///   Invariant A: nobody leads => the queue is empty. (Whoever stops leading promotes.)
///   Invariant B: a promoted seat is not in the queue, and its thread either leads or abdicates
///   before it leaves: promotion is never lost, not even to a thread that is timing out.
///   Both, and that every waiter is served, are checked by the model models/turnstile.pml.
///
/// threads: any, under the connection's lock, which every member requires; it is what guards all
/// fields of all seats but the parker and `released`.
class Turnstile {
 public:
  bool has_leader() const noexcept { return leader_ != nullptr; }
  bool leads(const Seat& seat) const noexcept { return leader_ == &seat; }
  bool has_followers() const noexcept { return first_ != nullptr; }

  /// Makes `seat` the leader, if nobody leads. True when it leads now, or did before.
  bool try_lead(Seat& seat) noexcept {
    if (leader_ == nullptr) leader_ = &seat;
    return leader_ == &seat;
  }

  /// Puts `seat` at the end of the queue. Requires that another seat leads.
  void enqueue(Seat& seat) noexcept;

  /// Takes `seat` out of the queue if it is there.
  void dequeue(Seat& seat) noexcept;

  /// The leader stops leading. Promotes the first follower, and returns the address for
  /// Parker::kick() when its thread must be woken (after the lock is released), else null.
  [[nodiscard]] const void* abdicate() noexcept;

  /// The leader makes `follower`, which must be in the queue, the leader instead. Returns what
  /// abdicate() does.
  [[nodiscard]] const void* hand_over(Seat& follower) noexcept;

  /// Wakes every follower; for the end of the connection.
  void wake_all() noexcept;

 private:
  Seat* leader_ = nullptr;
  Seat* first_ = nullptr;
  Seat* last_ = nullptr;
};

}  // namespace sinew::rpc
