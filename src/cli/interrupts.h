#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "io/fd.h"

namespace sinew::cli {

/// While it lives, Ctrl-C (and SIGTERM) call a function, on a thread of its own, instead of ending
/// the program: a command that has something to put in order says so. One that was ignored, as
/// `nohup` and shells do it, stays so. Made before any other thread, that is before a connection;
/// one in a process.
///
/// threads: interrupted() and wait() any; the rest by the one that made it.
class Interrupts {
 public:
  /// `function` may be called more than once, and is called for each signal.
  explicit Interrupts(std::function<void()> function);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Whether a signal has come.
  bool interrupted() const noexcept;

  /// Waits until a signal comes, at most for `time`. True if one has come.
  bool wait(std::chrono::nanoseconds time) const;

  /// Ends the process as the signal would have done, if one has come: what the shell wants to know.
  void end_if_interrupted() const;

  /// Ends it so in any case: by the last signal that came, or SIGINT. threads: any.
  [[noreturn]] static void end_process();

  /// Becomes readable when a signal comes, and stays so.
  int descriptor() const noexcept { return event_.get(); }

  /// Forgets the signals that have come.
  void forget() noexcept;

 private:
  void watch();

  const std::function<void()> function_;
  sigset_t taken_;  // the signals
  sigset_t before_;
  io::Fd event_;    // an eventfd, which the thread writes to
  io::Fd signals_;  // a signalfd
  io::Fd over_;     // an eventfd, which ends the thread
  std::thread thread_;
};

}  // namespace sinew::cli
