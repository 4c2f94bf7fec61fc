#include "rpc/connection.h"

#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/per_process.h"
#include "rpc/caretaker.h"

// Design notes.
//   Lock order: mutex_, then the outbox's. Neither is held while waiting, serving, or calling the
//   dispatcher.
//   A call is in calls_ from start() until exactly one of complete(), forget() and fail() takes it
//   out; only the one who takes it out writes its outcome.
//   A seat is on its thread's stack. Others reach it through the turnstile's queue or through
//   Call::waiters_, both under mutex_; its thread takes it out of both before it leaves. Its
//   parker's token is posted under mutex_ and kicked after.
//   Leading is not a lock: the leader reads without mutex_. inbox_ is the leader's alone.

namespace sinew::rpc {
namespace {

// How long a message may be held back for others to join it.
constexpr Duration kHeldBack = std::chrono::microseconds(200);

// How many bytes may be held back. Requests: some thirty, so that the peer works while we collect
// the next (64 in flight, two CPUs: 2.2 us each without this bound, 0.9 with it). Answers: what a
// system call costs no more for.
constexpr std::size_t kMostRequests = 2048;
constexpr std::size_t kMostAnswers = 64 * 1024;

std::atomic<std::uint32_t> fork_generation{0};

const AfterFork count_forks([] {
  fork_generation.fetch_add(1, std::memory_order_relaxed);
  forget_spinning_threads();
});

}  // namespace

Connection::Connection(std::unique_ptr<io::Stream> stream, std::unique_ptr<Session> session,
                       Dispatcher& dispatcher, const Limits& limits)
    : stream_(std::move(stream)),
      session_(std::move(session)),
      dispatcher_(dispatcher),
      limits_(limits),
      fork_generation_(fork_generation.load(std::memory_order_relaxed)),
      inbox_(*stream_, *session_),
      outbox_(*stream_),
      heartbeat_(limits.heartbeat, Clock::system().now()),
      frame_watch_(limits.frame_timeout) {
  if (const io::Framing* const framing = session_->framing()) stream_->keep_frames_apart(*framing);
}

Connection::~Connection() {
  // Asked again even if nothing is due: the flusher may be at it right now.
  if (armed_once_.load(std::memory_order_relaxed) && !forked()) Caretaker::get().forget(*this);
  while (Call* const call = unread_.first()) unread_.remove(*call);
}

bool Connection::forked() const noexcept {
  return fork_generation_ != fork_generation.load(std::memory_order_relaxed);
}

// ---------------------------------------------------------------------------------------------
// Questions

// Enters the call in the table.
Result<void> Connection::enroll(Call& call, bool awaited) {
  if (is_dead()) return sinew::fail(Errc::kConnectionReset);
  const std::scoped_lock lock(mutex_);
  if (error_ != nullptr) return sinew::fail(Errc::kConnectionReset);
  if (calls_.size() >= limits_.max_pending_calls) return sinew::fail(Errc::kTooManyPending);
  call.awaited_ = awaited;
  calls_.emplace(call.seq(), &call);
  return {};
}

Result<bool> Connection::start(Call& call, const Writer& request, bool awaited) {
  SINEW_TRY(enroll(call, awaited));
  const auto sent = send_now(request);
  // A stream that broke has failed the connection, and with it this call: that is its outcome.
  return sent ? sent : Result<bool>(true);
}

Result<bool> Connection::start_later(Call& call, const Writer& request) {
  constexpr Duration kQuickSuccession = std::chrono::microseconds(50);
  SINEW_TRY(enroll(call, /*awaited=*/false));
  const TimePoint now = Clock::system().now();
  const TimePoint last{
      Duration(last_later_.exchange(now.time_since_epoch().count(), std::memory_order_relaxed))};
  if (now - last < kQuickSuccession && may_hold_back(request, kMostRequests)) {
    cork(request);
    flush_within(kHeldBack);
    return true;
  }
  const auto sent = send_now(request);
  return sent ? sent : Result<bool>(true);
}

void Connection::expect_wait(Call& call) noexcept {
  const std::scoped_lock lock(mutex_);
  call.awaited_ = true;
}

WaitStatus Connection::wait(Call& call, Deadline deadline) {
  if (call.done()) return WaitStatus::kDone;
  Seat seat(&call);
  return wait_turns(seat, deadline, Want::kEverything, /*wait_for_turn=*/true);
}

bool Connection::forget(Call& call) noexcept {
  if (forked()) return false;
  const std::scoped_lock lock(mutex_);
  return !call.done() && calls_.erase(call.seq()) != 0;
}

// The call's owner comes here alone; who visits takes calls off the list under the lock.
void Connection::answer_taken(Call& call) noexcept {
  if (call.unread_in_.load(std::memory_order_acquire) == nullptr || forked()) return;
  const std::scoped_lock lock(mutex_);
  unread_.remove(call);
}

Call::~Call() {
  Connection* const connection = unread_in_.load(std::memory_order_acquire);
  if (connection != nullptr) connection->answer_taken(*this);
}

bool Connection::notify_on_completion(Call& call) noexcept {
  if (forked()) return false;
  const std::scoped_lock lock(mutex_);
  if (call.done()) return false;
  call.notify_ = true;
  return true;
}

bool Connection::take_announcement(Call& call) noexcept {
  if (forked()) return false;
  const std::scoped_lock lock(mutex_);
  const std::size_t taken = std::erase(announcements_, &call);
  announce_.store(!announcements_.empty(), std::memory_order_relaxed);
  return taken != 0;
}

void Connection::set_expiry(Call& call, Deadline expiry) noexcept {
  if (forked()) return;
  const std::scoped_lock lock(mutex_);
  call.expiry_ = expiry;
}

bool Connection::check_expiry(Call& call) noexcept {
  if (!forked()) {
    const std::scoped_lock lock(mutex_);
    if (!call.done() && call.expiry_.passed()) {
      calls_.erase(call.seq());
      Parker::kick(finish_locked(call, Call::Outcome::kExpired));
    }
  }
  return call.outcome() == Call::Outcome::kExpired;
}

// Takes the answered call out of the table and wakes who waits for it. False for an answer to a
// call that was forgotten, or that was never waited for, as releases are.
bool Connection::complete(Incoming& incoming) noexcept {
  std::unique_lock lock(mutex_);
  const auto found = calls_.find(incoming.seq);
  if (found == calls_.end()) return false;
  Call& call = *found.value();
  calls_.erase(found);
  const bool expired = call.expiry_.passed();
  auto outcome = Call::Outcome::kExpired;
  if (!expired) {
    call.body_ = std::move(incoming.body);
    outcome =
        incoming.kind == Incoming::Kind::kReply ? Call::Outcome::kReply : Call::Outcome::kException;
  }
  const void* const kick = finish_locked(call, outcome);
  lock.unlock();  // first: who is woken may run at once, and would only wait for it
  Parker::kick(kick);
  return !expired;
}

// The outcome is stored last: the owner may let go of the call as soon as it sees it done. The
// seats stay valid until they are released, because their threads need the lock to leave before.
// Returns an address to kick, or null.
const void* Connection::finish_locked(Call& call, Call::Outcome outcome) noexcept {
  Seat* const waiters = std::exchange(call.waiters_, nullptr);
  if (outcome == Call::Outcome::kReply) unread_.add(call, *this);
  if (call.notify_) {
    announcements_.push_back(&call);
    announce_.store(true, std::memory_order_relaxed);
  }
  call.outcome_.store(outcome, std::memory_order_release);
  const void* kick = nullptr;
  for (Seat* seat = waiters; seat != nullptr;) {
    Seat* const next = seat->next_of_call;
    count_waiting_locked(-1);
    if (!turnstile_.leads(*seat)) {
      turnstile_.dequeue(*seat);  // not to be promoted only to leave
      if (seat->parker.post()) Parker::kick(std::exchange(kick, seat->parker.address()));
      seat->released.store(true, std::memory_order_release);
    }
    seat = next;
  }
  return kick;
}

std::optional<Work> Connection::next_announcement() noexcept {
  if (!announce_.load(std::memory_order_relaxed)) return std::nullopt;
  const std::scoped_lock lock(mutex_);
  if (announcements_.empty()) return std::nullopt;
  Call* const call = announcements_.front();
  announcements_.pop_front();
  announce_.store(!announcements_.empty(), std::memory_order_relaxed);
  return Work{.incoming = {}, .completed = call};
}

// ---------------------------------------------------------------------------------------------
// Sending

Result<bool> Connection::send_now(const Writer& message) {
  if (is_dead()) return sinew::fail(Errc::kConnectionReset);
  unacknowledged_.store(false, std::memory_order_relaxed);
  const auto sent = outbox_.submit(message);
  if (sent) return sent;
  fail_with(sent.error(), "sending");
  return sinew::fail(Errc::kConnectionReset);
}

// Small messages only, and not for ever: a large one pays for its system call.
bool Connection::may_hold_back(const Writer& message, std::size_t most) const noexcept {
  return stream_->is_free_threaded() &&
         outbox_.queued() - outbox_.sent() + message.total_size() < most;
}

Result<bool> Connection::send_answer(const Writer& message) {
  note_answered();
  if (is_dead()) return sinew::fail(Errc::kConnectionReset);
  if (!more_to_serve_.load(std::memory_order_relaxed) || !may_hold_back(message, kMostAnswers)) {
    return send_now(message);
  }
  cork(message);
  flush_within(kHeldBack);  // unless what is served next is done before
  return true;
}

bool Connection::has_unserved() const {
  if (is_dead()) return false;
  const std::scoped_lock lock(mutex_);
  return !turnstile_.has_leader() && (has_message() || stream_->has_buffered());
}

void Connection::trim() noexcept {
  const std::scoped_lock lock(mutex_);
  if (!turnstile_.has_leader()) inbox_.trim();
}

void Connection::cork(const Writer& message) noexcept {
  if (const auto result = outbox_.cork(message); !result) fail_with(result.error(), "sending");
}

void Connection::flush_within(Duration delay) noexcept {
  if (!stream_->is_free_threaded() || forked()) return;
  // What is held back must be seen by the flusher if we see that it has been asked already: it
  // clears idle_due_ before it looks.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const TimePoint::rep asked = idle_due_.load(std::memory_order_relaxed);
  const TimePoint due = Clock::system().now() + delay;
  if (asked != 0 && asked <= due.time_since_epoch().count()) return;
  idle_due_.store(due.time_since_epoch().count(), std::memory_order_relaxed);
  armed_once_.store(true, std::memory_order_relaxed);
  try {
    Caretaker::get().arm(*this, due);
  } catch (...) {
    // No thread to be had: as far as it goes now is all there is until the next message.
    idle_due_.store(0, std::memory_order_relaxed);
    static_cast<void>(outbox_.flush());
  }
}

void Connection::idle_flush() noexcept {
  idle_due_.exchange(0);  // a full barrier, the counterpart of the one in flush_within()
  if (is_dead()) return;
  dispatcher_.before_idle_flush();
  flush();
}

void Connection::flush() noexcept {
  if (!outbox_.is_stuck() || is_dead()) return;
  unacknowledged_.store(false, std::memory_order_relaxed);
  if (const auto result = outbox_.flush(); !result) return fail_with(result.error(), "sending");
  come_back_if_stuck();
}

// Whoever leaves bytes behind sees to it that somebody comes for them (outbox.h).
void Connection::come_back_if_stuck() noexcept {
  constexpr Duration kSoon = std::chrono::milliseconds(5);
  if (outbox_.is_stuck() && !is_dead()) flush_within(kSoon);
}

WaitStatus Connection::drain(Deadline deadline) {
  const WaitStatus status = drain_all(deadline);
  if (status != WaitStatus::kDone) come_back_if_stuck();
  return status;
}

WaitStatus Connection::drain_all(Deadline deadline) {
  const std::uint64_t until = outbox_.queued();
  while (outbox_.sent() < until) {
    if (is_dead()) return WaitStatus::kDead;
    const auto step = drain_step(until, next_look_at_signals(deadline));
    if (step) continue;
    const bool timed_out = step.error() == Errc::kTimedOut;
    if (timed_out && deadline.passed()) return WaitStatus::kTimedOut;
    if (timed_out || step.error() == Errc::kInterrupted) {
      if (dispatcher_.interrupted()) return WaitStatus::kInterrupted;
      continue;
    }
    fail_with(step.error(), "sending");
    return WaitStatus::kDead;
  }
  return WaitStatus::kDone;
}

// Waits for room; while nobody else reads, also for input, which is set aside unserved: the peer
// may be unable to read our bytes before we have read its. Leads only to read: whoever comes to
// wait for an answer that was set aside must not have to wait for room.
Result<void> Connection::drain_step(std::uint64_t until, Deadline deadline) {
  SINEW_TRY(outbox_.flush());
  if (outbox_.sent() >= until) return {};
  if (!outbox_.is_stuck()) {
    std::this_thread::yield();  // another thread is in the middle of a write
    return {};
  }
  std::unique_lock lock(mutex_);
  const bool read_too = !turnstile_.has_leader();
  lock.unlock();
  const auto ready = wait_for_room(read_too, deadline);
  if (!ready) return sinew::fail(ready.error());
  if (!ready->readable) return {};
  Seat seat;
  lock.lock();
  if (!turnstile_.try_lead(seat)) return {};
  lock.unlock();
  const auto result = set_input_aside();
  lock.lock();
  stop_leading(seat, lock);
  return result;
}

Result<io::Readiness> Connection::wait_for_room(bool read_too, Deadline deadline) {
  const io::Readiness wanted{.readable = read_too, .writable = true};
  if (read_too) return stream_->wait(wanted, deadline);
  // Whoever leads now may stop reading to serve for long, with nobody to promote: look again then.
  constexpr Duration kLookAgain = std::chrono::milliseconds(20);
  auto ready = stream_->wait(
      wanted, Deadline::earlier(deadline, Deadline::after(kLookAgain, deadline.clock())));
  const bool only_look = !ready && ready.error() == Errc::kTimedOut && !deadline.passed();
  return only_look ? io::Readiness() : ready;
}

Result<void> Connection::set_input_aside() {
  SINEW_TRY(inbox_.set_aside());  // a leader may have left frames, and with them no room
  const auto filled = try_fill();
  if (!filled && filled.error() != Errc::kWouldBlock) return filled;
  SINEW_ASSIGN(const std::size_t held, inbox_.set_aside());
  if (held > limits_.max_queued_bytes) return sinew::fail(Errc::kQueueFull);
  return {};
}

// ---------------------------------------------------------------------------------------------
// Life

void Connection::fail(Error error) noexcept {
  if (forked()) return;  // the stream is the parent's: ending it here would end it there
  {
    const std::scoped_lock lock(mutex_);
    if (error_ != nullptr) return;
    error_ = std::make_shared<const Error>(std::move(error));
    dead_.store(true, std::memory_order_release);
    const auto calls = std::exchange(calls_, {});
    for (const auto& [seq, call] : calls) {
      call->error_ = error_;
      Parker::kick(finish_locked(*call, Call::Outcome::kFailed));
    }
    turnstile_.wake_all();
  }
  stream_->interrupt();
  dispatcher_.ended();
}

void Connection::expect_end(Error reason) {
  const std::scoped_lock lock(mutex_);
  expected_end_ = std::move(reason);
}

void Connection::fail_with(Errc errc, std::string_view doing) noexcept {
  // TLS over stock ends without TLS's farewell, and data on its way turns an end into a reset.
  if (errc == Errc::kEndOfStream || errc == Errc::kConnectionReset) {
    std::unique_lock lock(mutex_);
    if (const auto expected = expected_end_) {
      lock.unlock();
      return fail(*expected);
    }
  }
  const std::string system = stream_->last_error();
  std::string_view reason = session_->explain(errc);
  if (reason.empty()) {
    reason = errc == Errc::kConnectionReset && !system.empty() ? system : describe(errc);
  }
  fail(Error(kind_of(errc), fmt::format("{} ({} {})", reason, doing, stream_->describe())));
}

std::shared_ptr<const Error> Connection::error() const {
  if (forked()) {
    return std::make_shared<const Error>(
        Error::Kind::kFailed, "this connection belongs to the parent process (after fork)");
  }
  const std::scoped_lock lock(mutex_);
  return error_;
}

std::size_t Connection::pending_calls() const {
  if (forked()) return 0;
  const std::scoped_lock lock(mutex_);
  return calls_.size();
}

}  // namespace sinew::rpc
