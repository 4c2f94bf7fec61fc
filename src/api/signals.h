#pragma once

#include <functional>

namespace sinew::detail {

/// While it lives, SIGINT and SIGTERM call a function, on a thread of the library's, unless the
/// program handles them itself; then the program's handlers stay. Of several all are called, one
/// after the other.
///
/// threads: any.
class SignalWatch {
 public:
  /// `function` may be called more than once, and must return soon. Throws when the system gives no
  /// thread.
  explicit SignalWatch(std::function<void()> function);
  /// Nothing of the function runs any more on return.
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  void call() const { function_(); }

 private:
  const std::function<void()> function_;
};

}  // namespace sinew::detail
