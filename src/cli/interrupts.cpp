#include "cli/interrupts.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <utility>

#include "io/wait.h"

namespace sinew::cli {
namespace {

sigset_t signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGUSR2);  // ends the thread; comes from the destructor alone
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
    : function_(std::move(function)), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const sigset_t set = signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { watch(); });
}

Interrupts::~Interrupts() {
  ::pthread_kill(thread_.native_handle(), SIGUSR2);
  thread_.join();
  const sigset_t set = signals();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void Interrupts::watch() {
  const sigset_t set = signals();
  int number = 0;
  while (::sigwait(&set, &number) == 0 && number != SIGUSR2) {
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
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  ::signal(SIGINT, SIG_DFL);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(SIGINT);
  while (true) ::pause();  // not reached: the signal is not blocked here
}

}  // namespace sinew::cli
