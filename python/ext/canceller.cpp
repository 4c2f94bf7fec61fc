#include "canceller.h"

#include <pthread.h>

#include <thread>

#include "base/per_process.h"
#include "base/signals.h"
#include "gil.h"
#include "serving.h"

namespace sinew::python {
namespace {

// While requests with deadlines come one after the other the thread looks this often by itself:
// waking it for each would cost more than most requests.
constexpr Duration kTick = std::chrono::milliseconds(20);

}  // namespace

Canceller& Canceller::get() { return per_process<Canceller>(); }

void Canceller::wake_locked(TimePoint at) {
  if (!started_) {
    const WithoutSignals masked;
    std::thread(&Canceller::run, this).detach();
    started_ = true;
  }
  if (at < wakes_at_) wake_.notify_one();
}

void Canceller::cancel(std::uint64_t peer, std::int64_t seq) noexcept try {
  const std::scoped_lock lock(mutex_);
  // A peer may send as many as it likes, while somebody holds the GIL for as long as he likes.
  if (std::size_t& queued = queued_[peer]; queued < kMostQueued) {
    ++queued;
    cancelled_.emplace_back(peer, seq);
    wake_locked(TimePoint::min());
  }
} catch (...) {
  // Out of memory, or of threads: the work goes on to its end.
}

void Canceller::expire_at(TimePoint at, std::uint64_t peer, std::int64_t seq) noexcept try {
  const std::scoped_lock lock(mutex_);
  expiries_.emplace(at, peer, seq);
  wake_locked(at);
} catch (...) {
  // As above.
}

void Canceller::forget_expiry(TimePoint at, std::uint64_t peer, std::int64_t seq) noexcept {
  const std::scoped_lock lock(mutex_);
  expiries_.erase({at, peer, seq});
}

bool Canceller::was_cancelled(std::uint64_t peer, std::int64_t seq) noexcept {
  if (!any_early_.load(std::memory_order_relaxed)) return false;
  const std::scoped_lock lock(mutex_);
  const bool was = early_.contains({peer, seq});
  early_.erase(early_.lower_bound({peer, 0}), early_.upper_bound({peer, seq}));
  while (!early_order_.empty() && !early_.contains(early_order_.front())) early_order_.pop_front();
  any_early_.store(!early_.empty(), std::memory_order_relaxed);
  return was;
}

// It may be about to be served, or was: nobody can tell.
void Canceller::remember_early_locked(const Request& request) {
  if (!early_.insert(request).second) return;
  early_order_.push_back(request);
  if (early_order_.size() > kMostEarly) {
    early_.erase(early_order_.front());
    early_order_.pop_front();
  }
  any_early_.store(true, std::memory_order_relaxed);
}

void Canceller::collect_due_locked(TimePoint now) {
  while (!expiries_.empty() && std::get<TimePoint>(*expiries_.begin()) <= now) {
    const auto [at, peer, seq] = *expiries_.begin();
    expiries_.erase(expiries_.begin());
    cancelled_.emplace_back(peer, seq);
  }
}

void Canceller::run() noexcept try {
  ::pthread_setname_np(::pthread_self(), "sinew-canceller");
  std::unique_lock lock(mutex_);
  bool alert = true;
  while (true) {
    collect_due_locked(Clock::system().now());
    if (cancelled_.empty()) {
      const bool any = !expiries_.empty();
      if (!any && !alert) {
        wakes_at_ = TimePoint::max();
        wake_.wait(lock);
      } else {
        const TimePoint tick = Clock::system().now() + kTick;
        wakes_at_ = any ? std::min(std::get<TimePoint>(*expiries_.begin()), tick) : tick;
        wake_.wait_until(lock, wakes_at_);
      }
      alert = any;
      continue;
    }
    const std::deque<Request> requests = std::exchange(cancelled_, {});
    queued_.clear();
    lock.unlock();
    std::deque<Request> missing;
    if (interpreter_is_gone()) return;
    {
      const AdoptThread gil;
      for (const Request& request : requests) {
        if (!Serving::cancel(request.first, request.second)) missing.push_back(request);
      }
    }
    lock.lock();
    for (const Request& request : missing) remember_early_locked(request);
  }
} catch (...) {
  // Out of memory: no more cancellations.
}

}  // namespace sinew::python
