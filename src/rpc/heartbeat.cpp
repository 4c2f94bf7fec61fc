#include "rpc/heartbeat.h"

#include <algorithm>

namespace sinew::rpc {
namespace {

// Looks in the time of an interval: each may be late by nearly a period, and signs are sent twice
// in an interval, so that the loss of one does not count.
constexpr int kLooks = 4;

}  // namespace

Heartbeat::Heartbeat(Duration interval, TimePoint now) noexcept
    : interval_(interval),
      period_(interval / kLooks),
      last_look_(now),
      last_heard_(now),
      last_sent_(now) {}

// A process that was stopped, or a machine that slept, has heard nothing because it did not listen.
void Heartbeat::note_time(TimePoint now) noexcept {
  const bool overslept = now - last_look_ > 2 * period_;
  last_look_ = now;
  if (overslept) last_heard_ = now;
}

Heartbeat::Step Heartbeat::look(TimePoint now, const Seen& seen) noexcept {
  note_time(now);
  const Duration wanted = seen.wanted_every == Duration::zero()
                              ? Duration::zero()
                              : std::max(seen.wanted_every, 2 * kFastest);
  const Duration shorter = interval_ == Duration::zero() || wanted == Duration::zero()
                               ? std::max(interval_, wanted)
                               : std::min(interval_, wanted);
  period_ = shorter / kLooks;
  if (seen.received != received_ || seen.unsure) {
    received_ = seen.received;
    last_heard_ = now;
    asked_ = false;
  }
  if (seen.sent != sent_) {
    sent_ = seen.sent;
    last_sent_ = now;
  }
  Step step;
  // One look after nothing new was sent: half of what is wanted since the last message, at most.
  step.show_life = wanted != Duration::zero() && now - last_sent_ >= wanted / (kLooks + 1);
  if (interval_ == Duration::zero()) return step;
  const Duration quiet = now - last_heard_;
  step.give_up = seen.promised ? quiet >= 2 * interval_ - period_ : seen.machine_gone;
  step.ask = !seen.promised && seen.may_ask && !asked_ && quiet >= interval_;
  asked_ = asked_ || step.ask;
  return step;
}

}  // namespace sinew::rpc
