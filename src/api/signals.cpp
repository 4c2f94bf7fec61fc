#include "api/signals.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

namespace sinew::detail {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM};
constexpr std::uint64_t kSignal = 1;
constexpr std::uint64_t kEnd = std::uint64_t{1} << 32;

std::atomic<int> watched{-1};

void note_signal(int /*number*/) {
  const int saved = errno;
  const std::uint64_t one = kSignal;
  static_cast<void>(::write(watched.load(), &one, sizeof one));
  errno = saved;
}

}  // namespace

SignalWatch::SignalWatch(std::function<void()> function)
    : function_(std::move(function)), event_(::eventfd(0, EFD_CLOEXEC)) {
  int none = -1;
  if (event_.get() < 0 || !watched.compare_exchange_strong(none, event_.get())) return;
  thread_ = std::thread([this] { watch(); });
  for (const int number : kSignals) {
    struct sigaction now{};
    ::sigaction(number, nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL) continue;
    now.sa_handler = note_signal;
    now.sa_flags = 0;
    ::sigaction(number, &now, nullptr);
  }
}

SignalWatch::~SignalWatch() {
  if (!thread_.joinable()) return;
  for (const int number : kSignals) {
    struct sigaction now{};
    ::sigaction(number, nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == note_signal) {
      ::signal(number, SIG_DFL);
    }
  }
  const std::uint64_t end = kEnd;
  static_cast<void>(::write(event_.get(), &end, sizeof end));
  thread_.join();
  watched.store(-1);
}

void SignalWatch::watch() noexcept {
  while (true) {
    std::uint64_t count = 0;
    if (::read(event_.get(), &count, sizeof count) != sizeof count) {
      if (errno == EINTR) continue;
      return;
    }
    if (count >= kEnd) return;
    function_();
  }
}

}  // namespace sinew::detail
