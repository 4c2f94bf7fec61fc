// The waiting half of rpc::Connection: who leads, what a leader does, when it stops. The design
// notes are at the top of connection.cpp and turnstile.h.

#include <algorithm>
#include <utility>

#include "rpc/connection.h"

namespace sinew::rpc {
namespace {

// The seat whose thread this is, while it serves.
thread_local Seat* serving_seat = nullptr;

}  // namespace

// Once its answer is on the way a thread is as good as back: the next request that belongs to its
// call, which the peer may send at once, is for it again.
void Connection::note_answered() noexcept {
  if (serving_seat != nullptr) serving_seat->serving.store(false, std::memory_order_relaxed);
}

WaitStatus Connection::serve(Deadline deadline, bool once, bool wait_for_turn) {
  Seat seat;
  return wait_turns(seat, deadline, once ? Want::kOneMessage : Want::kEverything, wait_for_turn);
}

WaitStatus Connection::wait_turns(Seat& seat, Deadline deadline, Want want, bool wait_for_turn) {
  if (forked()) return WaitStatus::kDead;
  std::unique_lock lock(mutex_);
  attach_locked(seat);
  std::optional<WaitStatus> ended;
  while (!ended) {
    const Deadline until = next_look_at_signals(deadline);
    if (seat.call != nullptr && seat.call->done()) {
      ended = WaitStatus::kDone;
    } else if (error_ != nullptr && announcements_.empty()) {
      ended = WaitStatus::kDead;
    } else if (turnstile_.try_lead(seat)) {
      ended = take_turn(seat, until, want, lock);
    } else {
      const bool is_brief = looking_ahead_;  // that is nobody who serves
      ended = wait_for_turn || is_brief ? follow(seat, until, lock) : WaitStatus::kBusy;
    }
    if (ended == WaitStatus::kTimedOut && !deadline.passed()) {
      ended = look_at_signals(seat, lock);
    }
  }
  // Without the lock: the seat is released already, or this is the child of a request that forked.
  if (!lock.owns_lock()) return *ended;
  detach_locked(seat);
  leave(seat, lock);
  flush();  // answers held back for requests that another thread now finds
  return *ended;
}

// Where a wait is to be cut so that a signal that came just before it is not missed for long.
Deadline Connection::next_look_at_signals(Deadline deadline) const noexcept {
  constexpr Duration kSlice = std::chrono::milliseconds(150);
  if (!dispatcher_.handles_signals() || deadline.clock().is_manual()) return deadline;
  return Deadline::earlier(deadline, Deadline::after(kSlice));
}

// Not while leading: a signal handler may call through this very connection.
std::optional<WaitStatus> Connection::look_at_signals(Seat& seat,
                                                      std::unique_lock<std::mutex>& lock) {
  stop_leading(seat, lock);
  const bool leave = dispatcher_.interrupted();
  if (forked()) return WaitStatus::kDead;  // the handler forked: the lock may be another thread's
  lock.lock();
  return leave ? std::optional(WaitStatus::kInterrupted) : std::nullopt;
}

// Sleeps until there is something for this seat. Nothing: look again.
std::optional<WaitStatus> Connection::follow(Seat& seat, Deadline deadline,
                                             std::unique_lock<std::mutex>& lock) {
  turnstile_.enqueue(seat);
  if (seat.call != nullptr && seat.call->expected_by_ != nullptr) {
    seat.call->expected_by_->parker.wake();
  }
  lock.unlock();
  // An answer that this thread held back, for requests that the leader took before it could see it.
  flush();
  const Parker::Wake wake = seat.parker.park(deadline);
  if (seat.released.load(std::memory_order_acquire)) return WaitStatus::kDone;
  lock.lock();
  turnstile_.dequeue(seat);
  if (turnstile_.leads(seat) || wake == Parker::Wake::kWoken) return std::nullopt;
  if (seat.call != nullptr && seat.call->done()) return std::nullopt;
  if (wake == Parker::Wake::kTimedOut) return WaitStatus::kTimedOut;
  return look_at_signals(seat, lock);
}

// Leads once. Nothing: look again.
std::optional<WaitStatus> Connection::take_turn(Seat& seat, Deadline deadline, Want want,
                                                std::unique_lock<std::mutex>& lock) {
  std::optional<Work> work;
  if (seat.given)
    work = Work{.incoming = *std::exchange(seat.given, std::nullopt), .completed = nullptr};
  lock.unlock();
  bool stopped = false;
  const Turn turn = work ? Turn::kWork : lead(seat, deadline, want, work);
  if (turn == Turn::kWork) {
    WorkQueue queue(*this, seat, *std::move(work), want == Want::kOneMessage);
    Seat* const outer =
        std::exchange(serving_seat, dispatcher_.switches_stacks() ? nullptr : &seat);
    dispatcher_.dispatch(queue);
    serving_seat = outer;
    stopped = queue.stopped();
    if (forked()) return WaitStatus::kDead;  // without the lock: another thread may have had it
  }
  seat.serving.store(false, std::memory_order_relaxed);
  lock.lock();
  if (stopped) return WaitStatus::kInterrupted;
  switch (turn) {
    case Turn::kWork:
      if (want == Want::kOneMessage) return WaitStatus::kDone;
      if (seat.call != nullptr && seat.call->done()) return std::nullopt;
      // Here and not only where it reads: a peer that never pauses leaves nothing to wait for.
      return deadline.passed() ? std::optional(WaitStatus::kTimedOut) : std::nullopt;
    case Turn::kGiven:
      return want == Want::kOneMessage ? std::optional(WaitStatus::kDone) : std::nullopt;
    case Turn::kHandled: return WaitStatus::kDone;
    case Turn::kTimedOut: return WaitStatus::kTimedOut;
    case Turn::kInterrupted: return look_at_signals(seat, lock);
    default: return std::nullopt;
  }
}

// Lets the next one lead if `seat` does; unlocks.
void Connection::stop_leading(Seat& seat, std::unique_lock<std::mutex>& lock) noexcept {
  const void* kick = turnstile_.leads(seat) ? turnstile_.abdicate() : nullptr;
  lock.unlock();
  Parker::kick(kick);
}

// A request that was given to a thread which leaves instead is the next leader's.
void Connection::take_back_locked(Seat& seat) noexcept {
  if (seat.given) opened_ = std::exchange(seat.given, std::nullopt);
}

// The same for a thread that does not come back.
void Connection::leave(Seat& seat, std::unique_lock<std::mutex>& lock) noexcept {
  take_back_locked(seat);
  // Who has served stopped leading before that; if nobody leads since, it is the last one to look.
  const bool is_last = turnstile_.leads(seat) || !turnstile_.has_leader();
  const bool messages_left =
      is_last && !turnstile_.has_followers() &&
      (has_message() || stream_->has_buffered() || announce_.load(std::memory_order_relaxed));
  stop_leading(seat, lock);
  if (messages_left) dispatcher_.messages_left();
}

void Connection::attach_locked(Seat& seat) noexcept {
  if (seat.call == nullptr || seat.call->done()) return;
  seat.next_of_call = seat.call->waiters_;
  seat.call->waiters_ = &seat;
  count_waiting_locked(1);
}

void Connection::detach_locked(Seat& seat) noexcept {
  if (seat.call == nullptr) return;
  for (Seat** link = &seat.call->waiters_; *link != nullptr; link = &(*link)->next_of_call) {
    if (*link != &seat) continue;
    *link = seat.next_of_call;
    count_waiting_locked(-1);
    return;
  }
}

void Connection::count_waiting_locked(int change) noexcept {
  waiting_.store(waiting_.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
}

// ---------------------------------------------------------------------------------------------
// Leading

Connection::Turn Connection::lead(Seat& seat, Deadline deadline, Want want,
                                  std::optional<Work>& work) {
  for (bool first = true;; first = false) {
    const Turn turn = handle_frames(seat, want, work);
    if (turn != Turn::kEmpty) return turn;
    // There may always be more to read; but what the stream has taken in is on no descriptor.
    if (!first && deadline.passed() && !stream_->has_buffered()) return Turn::kTimedOut;
    const auto read = read_more(deadline);
    if (read || read.error() == Errc::kWouldBlock) continue;
    if (read.error() == Errc::kTimedOut) return Turn::kTimedOut;
    if (read.error() == Errc::kInterrupted) return Turn::kInterrupted;
    fail_with(read.error(), "receiving");
    return Turn::kDead;
  }
}

// Frames are handled strictly in the order of their arrival: a request that came before our answer
// is served before we return with it.
Connection::Turn Connection::handle_frames(Seat& seat, Want want, std::optional<Work>& work,
                                           Patience patience) {
  while (true) {
    // Answers to others that have come along are theirs at no cost; the rest is for the next
    // leader.
    const bool own_done = seat.call != nullptr && seat.call->done();
    if (own_done && !has_message()) return Turn::kDone;
    const bool answers_only = own_done || want == Want::kAnswersOnly;
    if (!answers_only && (work = next_announcement())) return Turn::kWork;
    auto message = next_message();
    if (!message) {
      fail_with(message.error(), "receiving");
      return Turn::kDead;
    }
    more_to_serve_.store(has_message(), std::memory_order_relaxed);
    if (!message->has_value()) return own_done ? Turn::kDone : Turn::kEmpty;
    Incoming& incoming = **message;
    if (incoming.kind == Incoming::Kind::kControl || incoming.kind == Incoming::Kind::kCancel) {
      heed(incoming);
      continue;
    }
    const bool is_request =
        incoming.kind == Incoming::Kind::kRequest || incoming.kind == Incoming::Kind::kNotice;
    if (is_request || (!complete(incoming) && session_->carries_references(incoming))) {
      if (answers_only) {
        opened_ = std::move(incoming);
        return own_done ? Turn::kDone : Turn::kRequest;
      }
      if (incoming.recipient_thread != 0 && incoming.on_behalf_of == Incoming::kNobody)
          [[unlikely]] {
        incoming.on_behalf_of = question_of(incoming.recipient_thread);
      }
      if (incoming.on_behalf_of != Incoming::kNobody) {
        const Giving giving = give_to_waiter(seat, incoming, patience);
        if (giving == Giving::kGiven) return Turn::kGiven;
        if (giving == Giving::kNotYet) {
          opened_ = std::move(incoming);
          return Turn::kRequest;
        }
      }
      work = Work{.incoming = std::move(incoming), .completed = nullptr};
      return Turn::kWork;
    }
    if (want == Want::kOneMessage) return Turn::kHandled;
  }
}

Result<std::optional<Incoming>> Connection::next_message() {
  if (opened_) return std::exchange(opened_, std::nullopt);
  SINEW_ASSIGN(auto frame, inbox_.next());
  if (!frame) return std::nullopt;
  SINEW_ASSIGN(Incoming incoming, session_->open(*std::move(frame)));
  return incoming;
}

// A request that the peer makes while it serves a question of ours runs on the thread that waits
// for that one, so that its locks, thread-locals and stack are those of a local call. That thread
// gets the lead together with the request: requests still start in order.
Connection::Giving Connection::give_to_waiter(Seat& seat, Incoming& request,
                                              Patience patience) noexcept {
  std::unique_lock lock(mutex_);
  Seat* waiter = nullptr;
  const Giving giving = find_waiter_locked(request.on_behalf_of, seat, patience, lock, waiter);
  if (giving != Giving::kGiven) return giving;
  waiter->given = std::move(request);
  const void* const kick = turnstile_.hand_over(*waiter);
  lock.unlock();
  Parker::kick(kick);
  return giving;
}

// A peer that binds threads names the one of ours that its request is for: the one whose question
// it serves with it, which is the last that this thread has asked and waits for.
std::int64_t Connection::question_of(std::uint64_t thread) const noexcept {
  const std::scoped_lock lock(mutex_);
  std::int64_t last = Incoming::kNobody;
  for (const auto& [seq, call] : calls_) {
    const bool is_waited_for = call->awaited_ || call->waiters_ != nullptr;
    if (call->asker_ == thread && is_waited_for) last = std::max(last, seq);
  }
  return last;
}

// The thread that is asleep for the answer to `seq`. One that has just sent the request, or looks
// at its signals, is on its way; one that is busy with other work of the peer's is not. `seat` is
// the leader's.
Connection::Giving Connection::find_waiter_locked(std::int64_t seq, Seat& seat, Patience patience,
                                                  std::unique_lock<std::mutex>& lock,
                                                  Seat*& waiter) noexcept {
  constexpr Duration kMostPatience = std::chrono::milliseconds(200);
  constexpr Duration kWhileServing = std::chrono::milliseconds(5);  // with the GIL, perhaps
  const Deadline until = Deadline::after(serving_seat == &seat ? kWhileServing : kMostPatience);
  while (true) {
    const auto found = calls_.find(seq);
    if (found == calls_.end()) return Giving::kNobody;
    Call& call = *found.value();
    bool comes = call.awaited_;
    for (Seat* one = call.waiters_; one != nullptr; one = one->next_of_call) {
      if (one == &seat) return Giving::kNobody;
      waiter = one;
      if (one->queued) return Giving::kGiven;
      comes = !one->serving.load(std::memory_order_relaxed);
    }
    if (!comes || until.passed() || error_ != nullptr) return Giving::kNobody;
    if (patience == Patience::kNone) return Giving::kNotYet;
    call.expected_by_ = &seat;
    lock.unlock();
    static_cast<void>(seat.parker.park(until));
    lock.lock();
    if (const auto still = calls_.find(seq); still != calls_.end()) {
      still.value()->expected_by_ = nullptr;
    }
  }
}

void Connection::heed(const Incoming& control) noexcept {
  if (control.kind == Incoming::Kind::kCancel) return dispatcher_.cancel(control.seq);
  send_control(control.body);
  if (control.seq != 0) ask_for_care();
}

// What the session has to say to its counterpart.
void Connection::send_control(const Slice& frame) noexcept {
  if (frame.empty()) return;
  Writer out;
  out.append(frame.bytes());
  if (const auto sent = send_now(out); sent && !*sent) come_back_if_stuck();
}

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

// ---------------------------------------------------------------------------------------------
// Work

std::optional<Work> WorkQueue::take() noexcept {
  done();
  if (next_) return std::exchange(next_, std::nullopt);
  if (once_ || connection_.forked()) return std::nullopt;
  std::unique_lock lock(connection_.mutex_);
  const bool own_call_done = seat_.call != nullptr && seat_.call->done();
  if (own_call_done || connection_.error_ != nullptr || !connection_.turnstile_.try_lead(seat_)) {
    return std::nullopt;
  }
  lock.unlock();
  std::optional<Work> work;
  // The caller may hold what the thread needs that a request is for: then it is left to a leader.
  const auto turn = connection_.handle_frames(seat_, Connection::Want::kEverything, work,
                                              Connection::Patience::kNone);
  if (turn == Connection::Turn::kWork) return work;
  lock.lock();
  connection_.stop_leading(seat_, lock);
  return std::nullopt;
}

bool WorkQueue::give(Incoming& request, std::int64_t question) noexcept {
  const std::int64_t said = std::exchange(request.on_behalf_of, question);
  const auto giving = connection_.give_to_waiter(seat_, request, Connection::Patience::kSome);
  if (giving == Connection::Giving::kGiven) return true;
  request.on_behalf_of = said;
  return false;
}

std::int64_t WorkQueue::waits_for() const noexcept {
  return seat_.call != nullptr ? seat_.call->seq() : Incoming::kNobody;
}

void WorkQueue::done() noexcept {
  if (!std::exchange(serving_, false)) return;
  connection_.serving_.fetch_sub(1, std::memory_order_relaxed);
}

void WorkQueue::begin(bool briefly) noexcept {
  if (connection_.forked()) return;
  if (!briefly) seat_.serving.store(true, std::memory_order_relaxed);
  if (connection_.session_->may_cancel()) {
    serving_ = true;
    connection_.serving_.fetch_add(1, std::memory_order_relaxed);
    if (!connection_.cared_for_.load(std::memory_order_relaxed)) connection_.ask_for_care();
  }
  std::unique_lock lock(connection_.mutex_);
  connection_.stop_leading(seat_, lock);
}

}  // namespace sinew::rpc
