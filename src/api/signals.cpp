#include "api/signals.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/per_process.h"
#include "base/signals.h"

namespace sinew::detail {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM};

std::atomic<int> noted_at{-1};  // an eventfd that stays open, whatever watch comes and goes

void note_signal(int /*number*/) {
  const int saved = errno;
  const std::uint64_t one = 1;
  static_cast<void>(::write(noted_at.load(), &one, sizeof one));
  errno = saved;
}

void take_signals() {
  for (const int number : kSignals) {
    struct sigaction now{};
    ::sigaction(number, nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL) continue;
    now.sa_handler = note_signal;
    now.sa_flags = 0;
    ::sigaction(number, &now, nullptr);
  }
}

void give_signals_back() {
  for (const int number : kSignals) {
    struct sigaction now{};
    ::sigaction(number, nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == note_signal) {
      ::signal(number, SIG_DFL);
    }
  }
}

// The watches of this process. The thread and the descriptor that the first one needs stay for the
// next: a handler may be about to write to it at any time.
class Watches {
 public:
  void add(const SignalWatch* watch) {
    const std::scoped_lock lock(mutex_);
    if (event_ < 0) event_ = ::eventfd(0, EFD_CLOEXEC);
    if (event_ >= 0 && !started_) {
      const WithoutSignals masked;
      std::thread(&Watches::run, this).detach();
      started_ = true;
      noted_at.store(event_);
    }
    watches_.push_back(watch);
    if (started_ && watches_.size() == 1) take_signals();
  }

  void remove(const SignalWatch* watch) {
    const std::scoped_lock lock(mutex_);
    std::erase(watches_, watch);
    if (watches_.empty()) give_signals_back();
  }

 private:
  void run() noexcept {
    ::pthread_setname_np(::pthread_self(), "sinew-signals");
    const int event = event_of_thread();
    while (true) {
      std::uint64_t count = 0;
      if (::read(event, &count, sizeof count) != sizeof count) {
        if (errno == EINTR) continue;
        return;
      }
      const std::scoped_lock lock(mutex_);
      for (const SignalWatch* const watch : watches_) watch->call();
    }
  }

  int event_of_thread() {
    const std::scoped_lock lock(mutex_);
    return event_;
  }

  std::mutex mutex_;
  std::vector<const SignalWatch*> watches_;  // guarded by mutex_
  int event_ = -1;                           // guarded by mutex_
  bool started_ = false;                     // guarded by mutex_
};

}  // namespace

SignalWatch::SignalWatch(std::function<void()> function) : function_(std::move(function)) {
  per_process<Watches>().add(this);
}

SignalWatch::~SignalWatch() { per_process<Watches>().remove(this); }

}  // namespace sinew::detail
