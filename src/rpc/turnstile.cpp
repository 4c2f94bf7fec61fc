#include "rpc/turnstile.h"

namespace sinew::rpc {

void Turnstile::enqueue(Seat& seat) noexcept {
  seat.queued = true;
  seat.previous = last_;
  seat.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &seat;
  last_ = &seat;
}

void Turnstile::dequeue(Seat& seat) noexcept {
  if (!seat.queued) return;
  seat.queued = false;
  (seat.previous != nullptr ? seat.previous->next : first_) = seat.next;
  (seat.next != nullptr ? seat.next->previous : last_) = seat.previous;
}

const void* Turnstile::abdicate() noexcept {
  if (first_ != nullptr) return hand_over(*first_);
  leader_ = nullptr;
  return nullptr;
}

const void* Turnstile::hand_over(Seat& follower) noexcept {
  leader_ = &follower;
  dequeue(follower);
  return follower.parker.post() ? follower.parker.address() : nullptr;
}

void Turnstile::wake_all() noexcept {
  for (Seat* seat = first_; seat != nullptr; seat = seat->next) seat->parker.wake();
}

}  // namespace sinew::rpc
