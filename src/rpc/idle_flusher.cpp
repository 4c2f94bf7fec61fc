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

// Signals are for the program's own threads: a thread started in this scope gets none.
class WithoutSignals {
 public:
  WithoutSignals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~WithoutSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  WithoutSignals(const WithoutSignals&) = delete;
  WithoutSignals& operator=(const WithoutSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

IdleFlusher& IdleFlusher::get() {
  IdleFlusher* const flusher = current.load(std::memory_order_acquire);
  return flusher != nullptr ? *flusher : *make();
}

void IdleFlusher::start_locked() {
  if (started_) return;
  const WithoutSignals masked;
  std::thread(&IdleFlusher::run, this).detach();
  started_ = true;
}

void IdleFlusher::arm(Connection& connection, TimePoint due) {
  const std::scoped_lock lock(mutex_);
  start_locked();
  last_armed_ = std::max(last_armed_, due);
  const auto [entry, is_new] = due_.try_emplace(&connection, due);
  if (!is_new) entry.value() = std::min(entry->second, due);
  if (due + kTick < wakes_at_) armed_.notify_one();
}

void IdleFlusher::forget(Connection& connection) noexcept {
  std::unique_lock lock(mutex_);
  due_.erase(&connection);
  flushed_.wait(lock, [&] { return flushing_ != &connection; });
  due_.erase(&connection);  // what was flushed may have asked for another time
}

// Takes out a connection whose time has come. Null: none.
Connection* IdleFlusher::take_due_locked(TimePoint now) noexcept {
  const auto found = std::ranges::find_if(due_, [&](const auto& one) { return one.second <= now; });
  if (found == due_.end()) return nullptr;
  Connection* const connection = found->first;
  due_.erase(found);
  return connection;
}

TimePoint IdleFlusher::next_wake_locked(TimePoint now) const noexcept {
  TimePoint wake = now < last_armed_ + kStaysAlert ? now + kTick : TimePoint::max();
  for (const auto& [connection, due] : due_) wake = std::min(wake, due);
  return wake;
}

void IdleFlusher::run() {
  ::pthread_setname_np(::pthread_self(), "sinew-flusher");
  std::unique_lock lock(mutex_);
  while (true) {
    const TimePoint now = Clock::system().now();
    while ((flushing_ = take_due_locked(now)) != nullptr) {
      lock.unlock();
      flushing_->idle_flush();
      lock.lock();
      flushing_ = nullptr;
      flushed_.notify_all();
    }
    wakes_at_ = next_wake_locked(now);
    if (wakes_at_ == TimePoint::max()) {
      armed_.wait(lock);
    } else {
      armed_.wait_until(lock, wakes_at_);
    }
  }
}

}  // namespace sinew::rpc
