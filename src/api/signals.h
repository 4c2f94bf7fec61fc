#pragma once

#include <functional>
#include <thread>

#include "io/fd.h"

namespace sinew::detail {

/// While it lives, SIGINT and SIGTERM call a function, on a thread of its own, unless the program
/// handles them itself; then the program's handlers stay. One at a time in a process: a second one
/// does nothing.
class SignalWatch {
 public:
  /// `function` may be called more than once.
  explicit SignalWatch(std::function<void()> function);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void watch() noexcept;

  const std::function<void()> function_;
  io::Fd event_;  // an eventfd, which the handlers write to
  std::thread thread_;
};

}  // namespace sinew::detail
