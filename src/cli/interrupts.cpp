#include "cli/interrupts.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <utility>

#include "io/wait.h"

namespace sinew::cli {
namespace {

std::atomic<int> last_signal{SIGINT};  // of those that came

// Which of them this process was not told to ignore.
sigset_t heeded_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction action{};
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) {
      sigaddset(&set, number);
    }
  }
  return set;
}

bool is_readable(int descriptor, Deadline deadline) noexcept {
  std::array entries{pollfd{.fd = descriptor, .events = POLLIN, .revents = 0}};
  while (true) {
    const auto ready = io::poll_until(entries, deadline);
    if (ready) return true;
    if (ready.error() == Errc::kTimedOut) return false;
  }
}

}  // namespace

// All threads block the signals, and one takes them: a function may then do what a handler may not.
Interrupts::Interrupts(std::function<void()> function)
    : function_(std::move(function)),
      taken_(heeded_signals()),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      over_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  ::pthread_sigmask(SIG_BLOCK, &taken_, &before_);
  signals_ = io::Fd(::signalfd(-1, &taken_, SFD_CLOEXEC | SFD_NONBLOCK));
  thread_ = std::thread([this] { watch(); });
}

Interrupts::~Interrupts() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(over_.get(), &one, sizeof one));
  thread_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupts::watch() {
  std::array entries{pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                     pollfd{.fd = over_.get(), .events = POLLIN, .revents = 0}};
  while (true) {
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;  // EINTR
    if (entries[1].revents != 0) return;
    signalfd_siginfo signal{};
    if (::read(signals_.get(), &signal, sizeof signal) != sizeof signal) continue;
    last_signal = static_cast<int>(signal.ssi_signo);
    const std::uint64_t one = 1;
    static_cast<void>(!::write(event_.get(), &one, sizeof one));
    function_();
  }
}

bool Interrupts::interrupted() const noexcept {
  return is_readable(event_.get(), Deadline::after(Duration::zero()));
}

bool Interrupts::wait(std::chrono::nanoseconds time) const {
  return is_readable(event_.get(), Deadline::after(time));
}

void Interrupts::forget() noexcept {
  std::uint64_t count = 0;
  static_cast<void>(!::read(event_.get(), &count, sizeof count));
}

void Interrupts::end_if_interrupted() const {
  if (interrupted()) end_process();
}

void Interrupts::end_process() {
  const int number = last_signal;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  ::signal(number, SIG_DFL);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(number);
  while (true) ::pause();  // not reached: the signal is not blocked here
}

}  // namespace sinew::cli
