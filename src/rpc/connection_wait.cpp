// How threads of an rpc::Connection wait: who leads, who follows, what ends it. The design notes
// are at the top of connection.cpp and turnstile.h.

#include <utility>

#include "rpc/connection.h"

namespace sinew::rpc {
namespace {

// The seat whose thread this is, while it serves.
thread_local Seat* serving_seat = nullptr;

}  // namespace

// Once its answer is on the way a thread is as good as back: the next request that belongs to its
// call, which the peer may send at once, is for it again.
void Connection::note_answered() noexcept {
  if (serving_seat != nullptr) serving_seat->serving.store(false, std::memory_order_relaxed);
}

bool Connection::serves_from(const Seat& seat) noexcept { return serving_seat == &seat; }

WaitStatus Connection::serve(Deadline deadline, bool once, bool wait_for_turn) {
  Seat seat;
  return wait_turns(seat, deadline, once ? Want::kOneMessage : Want::kEverything, wait_for_turn);
}

WaitStatus Connection::wait_turns(Seat& seat, Deadline deadline, Want want, bool wait_for_turn) {
  if (forked()) return WaitStatus::kDead;
  std::unique_lock lock(mutex_);
  attach_locked(seat);
  std::optional<WaitStatus> ended;
  while (!ended) {
    const Deadline until = next_look_at_signals(deadline);
    if (seat.call != nullptr && seat.call->done()) {
      ended = WaitStatus::kDone;
    } else if (error_ != nullptr && announcements_.empty()) {
      ended = WaitStatus::kDead;
    } else if (turnstile_.try_lead(seat)) {
      ended = take_turn(seat, until, want, lock);
    } else {
      const bool is_brief = looking_ahead_;  // that is nobody who serves
      ended = wait_for_turn || is_brief ? follow(seat, until, lock) : WaitStatus::kBusy;
    }
    if (ended == WaitStatus::kTimedOut && !deadline.passed()) {
      ended = look_at_signals(seat, lock);
    }
  }
  // Without the lock: the seat is released already, or this is the child of a request that forked.
  if (!lock.owns_lock()) return *ended;
  detach_locked(seat);
  leave(seat, lock);
  flush();  // answers held back for requests that another thread now finds
  return *ended;
}

// Where a wait is to be cut so that a signal that came just before it is not missed for long.
Deadline Connection::next_look_at_signals(Deadline deadline) const noexcept {
  constexpr Duration kSlice = std::chrono::milliseconds(150);
  if (!dispatcher_.handles_signals() || deadline.clock().is_manual()) return deadline;
  return Deadline::earlier(deadline, Deadline::after(kSlice));
}

// Not while leading: a signal handler may call through this very connection.
std::optional<WaitStatus> Connection::look_at_signals(Seat& seat,
                                                      std::unique_lock<std::mutex>& lock) {
  stop_leading(seat, lock);
  const bool leave = dispatcher_.interrupted();
  if (forked()) return WaitStatus::kDead;  // the handler forked: the lock may be another thread's
  lock.lock();
  return leave ? std::optional(WaitStatus::kInterrupted) : std::nullopt;
}

// Sleeps until there is something for this seat. Nothing: look again.
std::optional<WaitStatus> Connection::follow(Seat& seat, Deadline deadline,
                                             std::unique_lock<std::mutex>& lock) {
  turnstile_.enqueue(seat);
  if (seat.call != nullptr && seat.call->expected_by_ != nullptr) {
    seat.call->expected_by_->parker.wake();
  }
  lock.unlock();
  // An answer that this thread held back, for requests that the leader took before it could see it.
  flush();
  const Parker::Wake wake = seat.parker.park(deadline);
  if (seat.released.load(std::memory_order_acquire)) return WaitStatus::kDone;
  lock.lock();
  turnstile_.dequeue(seat);
  if (turnstile_.leads(seat) || wake == Parker::Wake::kWoken) return std::nullopt;
  if (seat.call != nullptr && seat.call->done()) return std::nullopt;
  if (wake == Parker::Wake::kTimedOut) return WaitStatus::kTimedOut;
  return look_at_signals(seat, lock);
}

// Leads once. Nothing: look again.
std::optional<WaitStatus> Connection::take_turn(Seat& seat, Deadline deadline, Want want,
                                                std::unique_lock<std::mutex>& lock) {
  std::optional<Work> work;
  if (seat.given)
    work = Work{.incoming = *std::exchange(seat.given, std::nullopt), .completed = nullptr};
  lock.unlock();
  bool stopped = false;
  const Turn turn = work ? Turn::kWork : lead(seat, deadline, want, work);
  if (turn == Turn::kWork) {
    WorkQueue queue(*this, seat, *std::move(work), want == Want::kOneMessage);
    Seat* const outer =
        std::exchange(serving_seat, dispatcher_.switches_stacks() ? nullptr : &seat);
    dispatcher_.dispatch(queue);
    serving_seat = outer;
    stopped = queue.stopped();
    if (forked()) return WaitStatus::kDead;  // without the lock: another thread may have had it
  }
  seat.serving.store(false, std::memory_order_relaxed);
  lock.lock();
  if (stopped) return WaitStatus::kInterrupted;
  switch (turn) {
    case Turn::kWork:
      if (want == Want::kOneMessage) return WaitStatus::kDone;
      if (seat.call != nullptr && seat.call->done()) return std::nullopt;
      // Here and not only where it reads: a peer that never pauses leaves nothing to wait for.
      return deadline.passed() ? std::optional(WaitStatus::kTimedOut) : std::nullopt;
    case Turn::kGiven:
      return want == Want::kOneMessage ? std::optional(WaitStatus::kDone) : std::nullopt;
    case Turn::kHandled: return WaitStatus::kDone;
    case Turn::kTimedOut: return WaitStatus::kTimedOut;
    case Turn::kInterrupted: return look_at_signals(seat, lock);
    default: return std::nullopt;
  }
}

// Lets the next one lead if `seat` does; unlocks.
void Connection::stop_leading(Seat& seat, std::unique_lock<std::mutex>& lock) noexcept {
  const void* kick = turnstile_.leads(seat) ? turnstile_.abdicate() : nullptr;
  lock.unlock();
  Parker::kick(kick);
}

// A request that was given to a thread which leaves instead is the next leader's.
void Connection::take_back_locked(Seat& seat) noexcept {
  if (seat.given) opened_ = std::exchange(seat.given, std::nullopt);
}

// The same for a thread that does not come back.
void Connection::leave(Seat& seat, std::unique_lock<std::mutex>& lock) noexcept {
  take_back_locked(seat);
  // Who has served stopped leading before that; if nobody leads since, it is the last one to look.
  const bool is_last = turnstile_.leads(seat) || !turnstile_.has_leader();
  const bool messages_left =
      is_last && !turnstile_.has_followers() &&
      (has_message() || stream_->has_buffered() || announce_.load(std::memory_order_relaxed));
  stop_leading(seat, lock);
  if (messages_left) dispatcher_.messages_left();
}

void Connection::attach_locked(Seat& seat) noexcept {
  if (seat.call == nullptr || seat.call->done()) return;
  seat.next_of_call = seat.call->waiters_;
  seat.call->waiters_ = &seat;
  count_waiting_locked(1);
}

void Connection::detach_locked(Seat& seat) noexcept {
  if (seat.call == nullptr) return;
  for (Seat** link = &seat.call->waiters_; *link != nullptr; link = &(*link)->next_of_call) {
    if (*link != &seat) continue;
    *link = seat.next_of_call;
    count_waiting_locked(-1);
    return;
  }
}

void Connection::count_waiting_locked(int change) noexcept {
  waiting_.store(waiting_.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
}

}  // namespace sinew::rpc
