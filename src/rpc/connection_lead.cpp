// What the leader of an rpc::Connection does with what has come: which thread each message is for.

#include <algorithm>
#include <utility>

#include "rpc/connection.h"

namespace sinew::rpc {

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
  const Deadline until = Deadline::after(serves_from(seat) ? kWhileServing : kMostPatience);
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
