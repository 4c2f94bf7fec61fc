#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

namespace sinew {

namespace detail {
class Serving;
}

/// The call of a peer's that this thread serves: what a function of ours may ask about it.
///
///     while (!sinew::current_call().stop_requested()) scan_next_line();
///
/// A function that takes a std::stop_token gets stop_token() without asking. Clients do not see
/// that parameter: `.def("scan", [](Scope& s, int lines, std::stop_token stop) { ... },
/// {"lines"})`.
///
/// The work is of no use any more when the client has cancelled the call, or was interrupted (a
/// client of ours; RPyC's own cannot say so), when its deadline is over, and when the connection
/// ends. Nothing is torn away: the function ends when it likes, and what it returns or throws then
/// is dropped. Calls that it makes in turn, and waits for, throw Error (kFailed) within 150 ms.
///
/// threads: the one that serves, until the function returns. A token may go anywhere, and live
/// longer.
class CurrentCall {
 public:
  /// Whether nobody waits for the result any more. Cheap; false where nothing is served.
  bool stop_requested() const noexcept;

  /// The same to wait for (std::condition_variable_any, std::stop_callback). A std::stop_callback
  /// runs on a thread of the library's and must not wait there. Where nothing is served no stop is
  /// ever requested.
  std::stop_token stop_token() const;

  /// When the client stops waiting, if it has said so (Python's `sinew.deadline`, TimeLimit).
  std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept;

 private:
  friend CurrentCall current_call() noexcept;
  explicit CurrentCall(detail::Serving* serving) noexcept : serving_(serving) {}

  detail::Serving* serving_;  // null: this thread serves nothing
};

CurrentCall current_call() noexcept;

}  // namespace sinew
