#pragma once

#include <atomic>

#include "rpc/call.h"

namespace sinew::rpc {

/// The questions whose answers have come and that their owners have not looked at yet. What such an
/// answer names of ours is on its way to its reader, while the messages behind it are served
/// already: one of them may give the same object back.
///
/// threads: guarded by the connection's lock, but for any().
class UnreadAnswers {
 public:
  /// Whether there is one: true as soon as a message behind its answer is read.
  bool any() const noexcept { return any_.load(std::memory_order_acquire); }

  void add(Call& call, Connection& of) noexcept {
    call.next_unread_ = first_;
    if (first_ != nullptr) first_->previous_unread_ = &call;
    set_first(&call);
    call.unread_in_.store(&of, std::memory_order_relaxed);
  }

  /// Does nothing if it is not among them.
  void remove(Call& call) noexcept {
    if (call.unread_in_.load(std::memory_order_relaxed) == nullptr) return;
    if (call.next_unread_ != nullptr) call.next_unread_->previous_unread_ = call.previous_unread_;
    if (call.previous_unread_ != nullptr) {
      call.previous_unread_->next_unread_ = call.next_unread_;
    } else {
      set_first(call.next_unread_);
    }
    call.next_unread_ = call.previous_unread_ = nullptr;
    call.unread_in_.store(nullptr, std::memory_order_release);
  }

  /// The one that came last; null: there is none.
  Call* first() const noexcept { return first_; }

 private:
  void set_first(Call* call) noexcept {
    first_ = call;
    any_.store(call != nullptr, std::memory_order_release);
  }

  Call* first_ = nullptr;
  std::atomic<bool> any_{false};
};

}  // namespace sinew::rpc
