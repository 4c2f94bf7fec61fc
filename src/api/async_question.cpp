#include <utility>

#include "api/question.h"
#include "base/log.h"

namespace sinew::detail {

std::shared_ptr<AsyncQuestion> AsyncQuestion::start(const std::shared_ptr<Peer>& peer,
                                                    const Import* target, const Request& request) {
  Question question(*peer, target, request);
  auto made = std::make_shared<AsyncQuestion>(peer, question.seq(), question.deadline());
  question.send(made->call_, /*later=*/true);
  return made;
}

AsyncQuestion::AsyncQuestion(std::shared_ptr<Peer> peer, std::int64_t seq, Deadline deadline)
    : peer_(std::move(peer)), deadline_(deadline), call_(seq, this) {}

AsyncQuestion::~AsyncQuestion() {
  const bool unanswered = peer_->connection().forget(call_);
  if (!unanswered && call_.outcome() == rpc::Call::Outcome::kReply && !value_ && !failure_) {
    peer_->give_back_box(Reader(call_.body().bytes()));
  }
  peer_->answer_taken(call_);
}

bool AsyncQuestion::done() const noexcept { return call_.done() || cancelled_.load(); }

bool AsyncQuestion::wait(std::optional<std::chrono::nanoseconds> time) {
  const auto self = shared_from_this();
  const Deadline until = time ? Deadline::earlier(Deadline::after(*time), deadline_) : deadline_;
  if (!done()) static_cast<void>(peer_->connection().wait(call_, until));
  if (call_.done() && peer_->connection().take_announcement(call_)) run_callbacks();
  return done();
}

Value AsyncQuestion::result() {
  static_cast<void>(wait(std::nullopt));
  if (cancelled_.load()) throw Error(Error::Kind::kFailed, "the call was cancelled");
  if (!call_.done()) {
    if (peer_->connection().is_dead()) peer_->throw_dead();
    if (peer_->connection().forget(call_)) peer_->send_cancel(call_.seq());
    throw_if_stopped();
    throw_too_late(*peer_);
  }
  // Once, whoever asks: twice would give back twice what the peer has lent. Nothing is waited for.
  const std::scoped_lock lock(mutex_);
  if (!value_ && !failure_) {
    try {
      value_ = outcome_of(*peer_, call_);
    } catch (...) {
      failure_ = std::current_exception();
    }
    peer_->answer_taken(call_);
  }
  if (failure_) std::rethrow_exception(failure_);
  return *value_;
}

bool AsyncQuestion::cancel() {
  const auto self = shared_from_this();
  peer_->connection().set_expiry(call_, Deadline::after(Duration::zero()));
  if (!peer_->connection().check_expiry(call_) || cancelled_.exchange(true)) return false;
  peer_->send_cancel(call_.seq());
  if (peer_->connection().take_announcement(call_)) run_callbacks();
  return true;
}

void AsyncQuestion::then(std::function<void()> function) {
  {
    const std::scoped_lock lock(mutex_);
    callbacks_.push_back(std::move(function));
    if (until_announced_) return;  // the engine knows
    until_announced_ = shared_from_this();
  }
  if (!peer_->connection().notify_on_completion(call_)) return run_callbacks();
  if (!deadline_.is_never()) expire_in_time();
}

// Nobody may be waiting who would see that the time is over.
void AsyncQuestion::expire_in_time() {
  const auto ticket = Housekeeper::get().at(deadline_.at(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->expire();
  });
  {
    const std::scoped_lock lock(mutex_);
    if (until_announced_) expiry_ = ticket;
    if (until_announced_) return;
  }
  Housekeeper::get().forget(ticket);  // it is done already
}

void AsyncQuestion::expire() noexcept {
  peer_->connection().set_expiry(call_, Deadline::after(Duration::zero()));
  if (!peer_->connection().check_expiry(call_)) return;
  peer_->send_cancel(call_.seq());
  if (!peer_->connection().take_announcement(call_)) return;
  // Not on this thread, which keeps the time of all calls.
  if (!Housekeeper::announcer().soon([self = shared_from_this()] { self->run_callbacks(); })) {
    run_callbacks();
  }
}

void AsyncQuestion::announce(rpc::Call& call) noexcept {
  static_cast<Numbered&>(call).owner->run_callbacks();
}

void AsyncQuestion::run_callbacks() noexcept {
  std::shared_ptr<AsyncQuestion> self;
  std::vector<std::function<void()>> callbacks;
  std::optional<Housekeeper::Ticket> expiry;
  {
    const std::scoped_lock lock(mutex_);
    expiry = std::exchange(expiry_, std::nullopt);
    self = std::exchange(until_announced_, nullptr);
    callbacks = std::exchange(callbacks_, {});
  }
  if (expiry) Housekeeper::get().forget(*expiry);
  for (const auto& callback : callbacks) {
    try {
      callback();
    } catch (const std::exception& error) {
      log(LogLevel::kError, std::string("a function given to then() threw: ") + error.what());
    } catch (...) {
      log(LogLevel::kError, "a function given to then() threw");
    }
  }
}

}  // namespace sinew::detail
