#include "api/housekeeper.h"

#include <pthread.h>

#include <exception>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/per_process.h"
#include "base/signals.h"

namespace sinew::detail {
namespace {

struct Announcer : Housekeeper {};

void do_job(const Housekeeper::Job& job) noexcept {
  try {
    job();
  } catch (const std::exception& error) {
    log(LogLevel::kError, std::string("while work was stopped or let go of: ") + error.what());
  } catch (...) {
    log(LogLevel::kError, "an exception while work was stopped or let go of");
  }
}

}  // namespace

Housekeeper& Housekeeper::get() { return per_process<Housekeeper>(); }

Housekeeper& Housekeeper::announcer() { return per_process<Announcer>(); }

void Housekeeper::wake_locked(TimePoint due) {
  if (!started_) {
    const WithoutSignals masked;
    std::thread(&Housekeeper::run, this).detach();
    started_ = true;
  }
  if (due < wakes_at_) wake_.notify_one();
}

bool Housekeeper::soon(Job job) noexcept try {
  const std::scoped_lock lock(mutex_);
  jobs_.push_back(std::move(job));
  wake_locked(TimePoint::min());
  return true;
} catch (...) {
  return false;  // out of memory, or of threads: the work goes on to its end
}

Housekeeper::Ticket Housekeeper::at(TimePoint due, Job job) noexcept try {
  const std::scoped_lock lock(mutex_);
  const Ticket ticket{due, ++next_};
  later_.emplace(ticket, std::move(job));
  wake_locked(due);
  return ticket;
} catch (...) {
  return {due, 0};  // as above
}

void Housekeeper::forget(const Ticket& ticket) noexcept {
  Job gone;  // outlives the lock: it may own something of the program's
  const std::scoped_lock lock(mutex_);
  const auto found = later_.find(ticket);
  if (found == later_.end()) return;
  gone = std::move(found->second);
  later_.erase(found);
}

void Housekeeper::run() noexcept {
  ::pthread_setname_np(::pthread_self(), "sinew-keeper");
  std::unique_lock lock(mutex_);
  while (true) {
    const TimePoint now = Clock::system().now();
    const auto first = later_.begin();
    if (jobs_.empty() && first != later_.end() && first->first.first <= now) {
      jobs_.push_back(std::move(first->second));
      later_.erase(first);
    }
    if (!jobs_.empty()) {
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      wakes_at_ = TimePoint::min();
      lock.unlock();
      do_job(job);
      job = nullptr;
      lock.lock();
      continue;
    }
    wakes_at_ = later_.empty() ? TimePoint::max() : later_.begin()->first.first;
    if (later_.empty()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, wakes_at_);
    }
  }
}

}  // namespace sinew::detail
