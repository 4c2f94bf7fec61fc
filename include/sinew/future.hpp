#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "sinew/convert.hpp"
#include "sinew/detail/request.hpp"

namespace sinew {

/// The result of a call that is under way (Object::async()). Copies are of the same call. Letting
/// go of the last one lets the call run on and drops its result; cancel() stops it.
///
/// Nobody reads the connection while nobody waits: the answer is read by a thread that waits for
/// this call or any other, or that is in Connection::serve().
///
/// threads: any.
template <class R>
class Future {
  static_assert((detail::require_receivable<R>(), true));

 public:
  explicit Future(std::shared_ptr<detail::Pending> call) noexcept : call_(std::move(call)) {}

  /// Whether get() would not wait.
  bool ready() const noexcept { return call_->done(); }

  /// Waits for the result, at most until the call's own time is over. Throws as Object's members
  /// do, each time it is called.
  R get() const { return from_value<R>(call_->result()); }

  /// Waits, serving meanwhile. True when the result is there.
  bool wait_for(std::chrono::nanoseconds time) const { return call_->wait(time); }
  void wait() const { static_cast<void>(call_->wait(std::nullopt)); }

  /// Gives the call up: get() throws (Error::Kind::kFailed), and a peer of ours stops the work.
  /// True if there was something to give up.
  bool cancel() const { return call_->cancel(); }

  /// Calls `function(future)` once the call is over: on the thread that reads the answer, here and
  /// now if it has come, or on a thread of the library's when its time is over or the connection
  /// has broken. That thread is one for all calls of the process, and the others read for whoever
  /// else waits: a function that takes its time, or waits, holds up what they have to do. Give such
  /// work to a thread of the program's. What it throws is logged. coroutine.hpp has `co_await`.
  template <class F>
    requires std::invocable<std::decay_t<F>&, Future&>
  void then(F&& function) const {
    call_->then([future = *this, f = std::forward<F>(function)]() mutable { f(future); });
  }

 private:
  std::shared_ptr<detail::Pending> call_;
};

}  // namespace sinew
