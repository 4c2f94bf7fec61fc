#include "rpc/caretaker.h"

#include <pthread.h>

#include <algorithm>
#include <thread>

#include "base/per_process.h"
#include "base/signals.h"
#include "rpc/connection.h"

namespace sinew::rpc {
namespace {

// While things are held back all the time the thread looks this often by itself, so that whoever
// holds back need not wake it: a wake-up costs more than most messages. Then, and only then, may
// something leave that much later than it is due.
constexpr Duration kTick = std::chrono::milliseconds(1);
constexpr Duration kStaysAlert = std::chrono::milliseconds(5);

// Visits that are due within this time are made in one round.
constexpr Duration kRound = std::chrono::milliseconds(5);

}  // namespace

Caretaker& Caretaker::get() { return per_process<Caretaker>(); }

void Caretaker::start_locked() {
  if (started_) return;
  const WithoutSignals masked;
  std::thread(&Caretaker::run, this).detach();
  started_ = true;
}

void Caretaker::arm(Connection& connection, TimePoint due) {
  const std::scoped_lock lock(mutex_);
  start_locked();
  last_armed_ = std::max(last_armed_, due);
  const auto [entry, is_new] = due_.try_emplace(&connection, due);
  if (!is_new) entry.value() = std::min(entry->second, due);
  if (due + kTick < wakes_at_) armed_.notify_one();
}

void Caretaker::visit(Connection& connection, TimePoint due) {
  const std::scoped_lock lock(mutex_);
  start_locked();
  note_visit_locked(connection, due);
  if (due + kTick < wakes_at_) armed_.notify_one();
}

void Caretaker::forget(Connection& connection) noexcept {
  const auto strike_out = [&] {
    due_.erase(&connection);
    visits_.erase(&connection);
    std::erase(round_, &connection);
  };
  std::unique_lock lock(mutex_);
  strike_out();
  left_.wait(lock, [&] { return busy_with_ != &connection; });
  strike_out();  // what was done may have asked for another time
}

void Caretaker::busy_with_locked(Connection* connection) noexcept {
  busy_with_ = connection;
  if (connection == nullptr) left_.notify_all();
}

// Takes out a connection whose time has come. Null: none.
Connection* Caretaker::take_due_locked(TimePoint now) noexcept {
  const auto found = std::ranges::find_if(due_, [&](const auto& one) { return one.second <= now; });
  if (found == due_.end()) return nullptr;
  Connection* const connection = found->first;
  due_.erase(found);
  return connection;
}

void Caretaker::flush_due(TimePoint now, std::unique_lock<std::mutex>& lock) noexcept {
  while (Connection* const connection = take_due_locked(now)) {
    busy_with_locked(connection);
    lock.unlock();
    connection->idle_flush();
    lock.lock();
    busy_with_locked(nullptr);
  }
}

void Caretaker::note_visit_locked(Connection& connection, TimePoint due) {
  const auto [entry, is_new] = visits_.try_emplace(&connection, due);
  if (!is_new) entry.value() = std::min(entry->second, due);
  next_visit_ = std::min(next_visit_, due);
  round_.reserve(visits_.size());  // here, where it may fail
}

void Caretaker::visit_again_locked(Connection& connection, TimePoint due) noexcept try {
  note_visit_locked(connection, due);
} catch (...) {
  // Out of memory: nobody looks after this one until it asks again.
  visits_.erase(&connection);
}

// In rounds, so that thousands of connections cost one look at the agenda.
void Caretaker::visit_due(TimePoint now, std::unique_lock<std::mutex>& lock) noexcept {
  if (next_visit_ > now) return;
  next_visit_ = TimePoint::max();
  for (auto entry = visits_.begin(); entry != visits_.end();) {
    if (entry->second > now + kRound) {
      next_visit_ = std::min(next_visit_, entry->second);
      ++entry;
      continue;
    }
    round_.push_back(entry->first);
    entry = visits_.erase(entry);
  }
  while (!round_.empty()) {
    Connection* const connection = round_.back();
    round_.pop_back();
    busy_with_locked(connection);
    lock.unlock();
    const TimePoint next = connection->look_after(now);
    lock.lock();
    if (next != TimePoint::max()) visit_again_locked(*connection, next);
    busy_with_locked(nullptr);
    // What is held back does not wait for a long round.
    flush_due(Clock::system().now(), lock);
  }
}

TimePoint Caretaker::next_wake_locked(TimePoint now) const noexcept {
  TimePoint wake = now < last_armed_ + kStaysAlert ? now + kTick : TimePoint::max();
  for (const auto& [connection, due] : due_) wake = std::min(wake, due);
  return std::min(wake, next_visit_);
}

void Caretaker::run() {
  ::pthread_setname_np(::pthread_self(), "sinew-caretaker");
  std::unique_lock lock(mutex_);
  while (true) {
    const TimePoint now = Clock::system().now();
    flush_due(now, lock);
    visit_due(now, lock);
    wakes_at_ = next_wake_locked(now);
    if (wakes_at_ == TimePoint::max()) {
      armed_.wait(lock);
    } else {
      armed_.wait_until(lock, wakes_at_);
    }
  }
}

}  // namespace sinew::rpc
