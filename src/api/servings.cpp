#include <utility>

#include "api/peer.h"
#include "api/serving.h"
#include "sinew/current_call.hpp"

namespace sinew::detail {
namespace {

thread_local Serving* innermost_serving = nullptr;

// The caller, who is told the same time, is to be the first to give up.
constexpr Duration kGrace = std::chrono::milliseconds(10);

}  // namespace

Serving::Serving(Peer& peer, const rpc::Incoming& request)
    : peer_(peer),
      seq_(request.seq),
      deadline_(request.deadline),
      outer_(innermost_serving),
      depth_(outer_ != nullptr ? outer_->depth_ + 1 : 1) {
  stillborn_ = !peer_.servings().enter(*this);
  innermost_serving = this;
}

Serving::~Serving() {
  innermost_serving = outer_;
  peer_.servings().leave(*this);
  if (watching_) peer_.connection().watch_end(false);
  if (expiry_) Housekeeper::get().forget(*expiry_);
}

Serving* Serving::innermost() noexcept { return innermost_serving; }

TimePoint Serving::stops_at() const noexcept {
  return deadline_.is_never() ? TimePoint::max() : deadline_.at() + kGrace;
}

bool Serving::may_be_stopped() const noexcept {
  return !deadline_.is_never() || peer_.session().may_cancel();
}

void Serving::watch() const noexcept {
  if (!std::exchange(watching_, true)) peer_.connection().watch_end(true);
}

bool Serving::stop_requested() const noexcept {
  watch();
  return is_stopped();
}

bool Serving::is_stopped() const noexcept {
  if (stopped_.load(std::memory_order_relaxed) || peer_.connection().is_dead()) return true;
  return !deadline_.is_never() && Clock::system().now() >= stops_at();
}

// Made when it is asked for: most functions never do.
std::stop_token Serving::stop_token() {
  watch();
  std::unique_lock lock(peer_.servings().mutex_);
  if (!source_.stop_possible()) {
    std::stop_source made;
    source_ = made;
    if (stopped_.load(std::memory_order_relaxed)) {
      made.request_stop();
    } else if (!deadline_.is_never()) {
      lock.unlock();
      expiry_ = Housekeeper::get().at(stops_at(), [made]() mutable { made.request_stop(); });
      return made.get_token();
    }
  }
  return source_.get_token();
}

// What is called by a stop may be the program's, and is not for the thread that notices.
void Serving::stop_locked() noexcept {
  if (stopped_.exchange(true) || !source_.stop_possible()) return;
  Housekeeper::get().soon([source = source_]() mutable { source.request_stop(); });
}

bool Servings::enter(Serving& serving) {
  const std::scoped_lock lock(mutex_);
  serving.next_ = std::exchange(first_, &serving);
  if (serving.next_ != nullptr) serving.next_->previous_ = &serving;
  if (ended_) serving.stopped_.store(true);
  if (early_.empty()) return true;
  // Requests come in the order of their numbers: what is known of earlier ones is of no use.
  const bool cancelled = early_.contains(serving.seq_);
  early_.erase(early_.begin(), early_.upper_bound(serving.seq_));
  return !cancelled;
}

void Servings::leave(Serving& serving) noexcept {
  const std::scoped_lock lock(mutex_);
  (serving.previous_ != nullptr ? serving.previous_->next_ : first_) = serving.next_;
  if (serving.next_ != nullptr) serving.next_->previous_ = serving.previous_;
}

void Servings::cancel(std::int64_t seq) noexcept try {
  const std::scoped_lock lock(mutex_);
  for (Serving* one = first_; one != nullptr; one = one->next_) {
    if (one->seq_ == seq) return one->stop_locked();
  }
  early_.insert(seq);
  if (early_.size() > kMostEarly) early_.erase(early_.begin());
} catch (...) {
  return;  // out of memory: the work goes on to its end
}

void Servings::stop_all() noexcept {
  const std::scoped_lock lock(mutex_);
  ended_ = true;
  for (Serving* one = first_; one != nullptr; one = one->next_) one->stop_locked();
}

void throw_if_stopped() {
  const Serving* const serving = Serving::innermost();
  if (serving == nullptr || !serving->is_stopped()) return;
  throw Error(Error::Kind::kFailed, "nobody waits any more for what this call is made for");
}

}  // namespace sinew::detail

namespace sinew {

CurrentCall current_call() noexcept { return CurrentCall(detail::Serving::innermost()); }

bool CurrentCall::stop_requested() const noexcept {
  return serving_ != nullptr && serving_->stop_requested();
}

std::stop_token CurrentCall::stop_token() const {
  return serving_ != nullptr ? serving_->stop_token() : std::stop_token();
}

std::optional<std::chrono::steady_clock::time_point> CurrentCall::deadline() const noexcept {
  if (serving_ == nullptr || serving_->deadline().is_never()) return std::nullopt;
  return std::chrono::time_point_cast<std::chrono::steady_clock::duration>(
      serving_->deadline().at());
}

}  // namespace sinew
