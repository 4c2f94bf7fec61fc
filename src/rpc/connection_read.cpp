// How the leader of an rpc::Connection reads: asleep, spinning for a moment, or without serving.

#include "rpc/connection.h"

namespace sinew::rpc {

// A stock peer's next small write waits until its last one is acknowledged (Nagle). What we send
// does that; if we have sent nothing since, it must travel alone, for 4 us.
void Connection::acknowledge() noexcept {
  if (!unacknowledged_.load(std::memory_order_relaxed)) return;
  unacknowledged_.store(false, std::memory_order_relaxed);
  stream_->hasten_acknowledgement();
}

Result<void> Connection::note_read(Result<void> read) noexcept {
  if (read) {
    note_progress();
    unacknowledged_.store(true, std::memory_order_relaxed);
    reads_.store(reads_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  return read;
}

Result<void> Connection::try_fill() { return note_read(inbox_.try_fill()); }

// One read, waiting if need be. Everything held back leaves first: the peer may be waiting for it
// before it sends more.
Result<void> Connection::read_more(Deadline deadline) {
  note_progress();  // behind complete frames, which have been handed out since, one may have begun
  flush();
  acknowledge();
  SINEW_ASSIGN(const bool found, spin_for_input(deadline));
  if (found) return {};
  if (!outbox_.is_stuck()) return note_read(inbox_.fill(deadline));
  // A sender gave up waiting (Ctrl-C, a deadline) and left bytes: send them as room comes.
  SINEW_ASSIGN(const io::Readiness ready,
               stream_->wait({.readable = true, .writable = true}, deadline));
  if (ready.writable) flush();
  return ready.readable ? try_fill() : Result<void>();
}

// Only while one thread waits for an answer: a second one, or the peer, has better use for the
// processor (unix sockets, 4 threads on 2 CPUs: 13.3 us a call with it, 9.6 without).
Result<bool> Connection::spin_for_input(Deadline deadline) {
  if (waiting_.load(std::memory_order_relaxed) > 1) return false;
  if (just_spun_.exchange(false, std::memory_order_relaxed) || deadline.clock().is_manual() ||
      deadline.remaining() <= Spin::kBudget || !spin_.begin()) {
    return false;
  }
  const Deadline until = Deadline::after(Spin::kBudget);
  do {
    const auto filled = try_fill();
    if (filled || filled.error() != Errc::kWouldBlock) {
      spin_.hit();
      return filled ? Result<bool>(true) : sinew::fail(filled.error());
    }
  } while (!until.passed());
  spin_.miss();
  return false;
}

bool Connection::poll_briefly(Call& call, Duration patience) noexcept {
  if (call.done()) return true;
  just_spun_.store(true, std::memory_order_relaxed);  // or decided against it
  if (is_dead()) return false;
  const bool spins = spin_.begin();
  if (!spins && patience == Duration::zero()) return false;
  Seat seat(&call);
  std::unique_lock lock(mutex_);
  if (!turnstile_.try_lead(seat)) {
    lock.unlock();
    if (spins) spin_.miss();
    return call.done();
  }
  lock.unlock();
  if (spins) spin_for_answer(seat);
  if (!call.done() && patience != Duration::zero()) await_answer(seat, patience);
  const bool done = call.done();
  if (done) just_spun_.store(false, std::memory_order_relaxed);
  lock.lock();
  leave(seat, lock);
  return done;
}

// These two serve nothing, and leave every error to the wait that follows, which meets it again and
// reports it.
void Connection::spin_for_answer(Seat& seat) noexcept {
  const Deadline until = Deadline::after(Spin::kBudget);
  std::optional<Work> none;
  while (handle_frames(seat, Want::kAnswersOnly, none) == Turn::kEmpty) {
    acknowledge();
    const auto filled = try_fill();
    if ((!filled && filled.error() != Errc::kWouldBlock) || until.passed()) break;
  }
  seat.call->done() ? spin_.hit() : spin_.miss();
}

void Connection::await_answer(Seat& seat, Duration patience) noexcept {
  const Deadline until = Deadline::after(patience);
  std::optional<Work> none;
  while (handle_frames(seat, Want::kAnswersOnly, none) == Turn::kEmpty) {
    flush();
    acknowledge();
    const auto filled = note_read(inbox_.fill(until));
    // The time counts also while something comes: a peer that never pauses must not keep us here.
    if ((!filled && filled.error() != Errc::kWouldBlock) || until.passed()) break;
  }
}

void Connection::listen(Deadline deadline) noexcept {
  if (is_dead()) return;
  Seat seat;
  std::unique_lock lock(mutex_);
  if (!turnstile_.try_lead(seat)) return;  // somebody reads already
  lock.unlock();
  std::optional<Work> none;
  while (handle_frames(seat, Want::kAnswersOnly, none) == Turn::kEmpty) {
    const auto read = read_more(deadline);
    // Any other error will be met again, and reported, by the wait that follows.
    if (!read && read.error() != Errc::kWouldBlock) break;
  }
  lock.lock();
  leave(seat, lock);
}

}  // namespace sinew::rpc
