#pragma once

/// `co_await` for futures, with whatever coroutine type the program has:
///
///     Task<int> total(sinew::Object calculator) {
///       int a = co_await calculator.async<int>("add", 1, 2);
///       co_return co_await calculator.async<int>("add", a, 3);
///     }
///
/// Not in sinew/sinew.hpp: only who uses it includes it.

#include <concepts>
#include <coroutine>
#include <type_traits>
#include <utility>

#include "sinew/future.hpp"

namespace sinew {

/// Where a coroutine goes on: called with its handle, on the thread that completes the call, it has
/// `handle.resume()` called once, there or anywhere, now or later. A handle may be called like a
/// function, so that a loop's post() often is all there is to it.
template <class E>
concept Executor = std::invocable<E&, std::coroutine_handle<>>;

namespace detail {

template <class R, Executor E>
class Awaiter {
 public:
  Awaiter(Future<R> future, E executor)
      : future_(std::move(future)), executor_(std::move(executor)) {}

  bool await_ready() const noexcept { return future_.ready(); }

  // The coroutine may go on, and this be gone, before then() has returned.
  void await_suspend(std::coroutine_handle<> waiting) {
    future_.then([waiting, executor = executor_](const Future<R>&) mutable { executor(waiting); });
  }

  R await_resume() const { return future_.get(); }

 private:
  Future<R> future_;
  E executor_;
};

struct ResumeHere {
  void operator()(std::coroutine_handle<> waiting) const { waiting.resume(); }
};

}  // namespace detail

/// Waits for a call without a thread: the coroutine goes on where its answer is read, which is a
/// thread in Connection::serve() or one that waits for another call; or, when its time is over or
/// the connection has broken, on a thread of the library's. At once, if the answer is there.
/// Throws what Future::get() does, where the coroutine goes on. Until it waits again or ends it
/// holds up others, as a function given to Future::then() does: who works for long, or waits
/// otherwise, goes on elsewhere, with resume_on().
///
/// A coroutine that is destroyed while it waits is resumed all the same: cancel() the future, which
/// resumes it, instead.
template <class R>
auto operator co_await(Future<R> future) {
  return detail::Awaiter<R, detail::ResumeHere>(std::move(future), {});
}

/// The same, going on where `executor` says:
///
///     int a = co_await sinew::resume_on(calculator.async<int>("add", 1, 2),
///                                       [&](std::coroutine_handle<> h) { loop.post(h); });
template <class R, Executor E>
auto resume_on(Future<R> future, E executor) {
  return detail::Awaiter<R, E>(std::move(future), std::move(executor));
}

}  // namespace sinew
