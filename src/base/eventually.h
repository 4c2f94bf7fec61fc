#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>

#include "base/clock.h"

namespace sinew {

/// For tests only: waits until `condition()` is true, and gives up after a time that no healthy
/// machine needs. Never sleeps for a guessed time, so a test that passes is quick.
template <class Condition>
[[nodiscard]] bool eventually(Condition condition, Duration limit = std::chrono::seconds(30)) {
  const Deadline until = Deadline::after(limit);
  while (!condition()) {
    if (until.passed()) return false;
    std::this_thread::yield();
  }
  return true;
}

/// For tests only: SIGUSR1 does nothing from now on but interrupt system calls, because its handler
/// is installed without SA_RESTART. It stays: one that is still on its way must not end the
/// process.
class InterruptingSignal {
 public:
  InterruptingSignal() noexcept {
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, nullptr);
  }

  void send_to(std::thread& thread) const noexcept {
    ::pthread_kill(thread.native_handle(), SIGUSR1);
  }
};

}  // namespace sinew
