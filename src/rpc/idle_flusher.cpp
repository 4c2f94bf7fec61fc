#include "rpc/idle_flusher.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "rpc/connection.h"

namespace sinew::rpc {
namespace {

// While things are held back all the time the thread looks this often by itself, so that whoever
// holds back need not wake it: a wake-up costs more than most messages. Then, and only then, may
// something leave that much later than it is due.
constexpr Duration kTick = std::chrono::milliseconds(1);
constexpr Duration kStaysAlert = std::chrono::milliseconds(5);

std::atomic<IdleFlusher*> current{nullptr};

// Never destroyed: the thread may outlive every static object.
IdleFlusher* make() {
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { current.store(nullptr); });
  static_cast<void>(registered);
  auto* fresh = new IdleFlusher();
  IdleFlusher* expected = nullptr;
  if (current.compare_exchange_strong(expected, fresh)) return fresh;
  delete fresh;
  return expected;
}

// Signals are for the program's own threads.
void start_without_signals(void (IdleFlusher::*run)(), IdleFlusher* flusher) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread(run, flusher).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

IdleFlusher& IdleFlusher::get() {
  IdleFlusher* const flusher = current.load(std::memory_order_acquire);
  return flusher != nullptr ? *flusher : *make();
}

void IdleFlusher::arm(Connection& connection, TimePoint due) {
  const std::scoped_lock lock(mutex_);
  last_armed_ = std::max(last_armed_, due);
  const auto entry = std::ranges::find(entries_, &connection, &Entry::connection);
  if (entry == entries_.end()) {
    entries_.push_back({&connection, due});
  } else {
    entry->due = std::min(entry->due, due);
  }
  if (!started_) {
    started_ = true;
    start_without_signals(&IdleFlusher::run, this);
  } else if (due + kTick < wakes_at_) {
    armed_.notify_one();
  }
}

void IdleFlusher::forget(Connection& connection) noexcept {
  const std::scoped_lock lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) { return entry.connection == &connection; });
}

void IdleFlusher::flush_due_locked(TimePoint now) noexcept {
  std::erase_if(entries_, [&](const Entry& entry) {
    if (entry.due > now) return false;
    entry.connection->idle_flush();
    return true;
  });
}

TimePoint IdleFlusher::next_wake_locked(TimePoint now) const noexcept {
  TimePoint wake = now < last_armed_ + kStaysAlert ? now + kTick : TimePoint::max();
  for (const Entry& entry : entries_) wake = std::min(wake, entry.due);
  return wake;
}

void IdleFlusher::run() {
  ::pthread_setname_np(::pthread_self(), "sinew-flusher");
  std::unique_lock lock(mutex_);
  while (true) {
    const TimePoint now = Clock::system().now();
    flush_due_locked(now);
    wakes_at_ = next_wake_locked(now);
    if (wakes_at_ == TimePoint::max()) {
      armed_.wait(lock);
    } else {
      armed_.wait_until(lock, wakes_at_);
    }
  }
}

}  // namespace sinew::rpc
