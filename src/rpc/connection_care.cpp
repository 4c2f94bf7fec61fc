// What the caretaker does for a Connection: signs of life, and the end when there are none.

#include <array>

#include <fmt/format.h>

#include "rpc/caretaker.h"
#include "rpc/connection.h"

namespace sinew::rpc {
namespace {

// How often to look for cancellations, and for the peer's end, while something is being served.
constexpr Duration kSoon = std::chrono::milliseconds(50);

double seconds(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void Connection::ask_for_care() noexcept {
  if (!stream_->is_free_threaded() || forked()) return;
  armed_once_.store(true, std::memory_order_relaxed);
  try {
    Caretaker::get().visit(*this, Clock::system().now());
  } catch (...) {
    // No thread to be had: then nobody looks after connections.
  }
}

void Connection::watch_end(bool on) noexcept {
  watchers_.fetch_add(on ? 1 : -1);
  if (on) ask_for_care();
}

TimePoint Connection::look_after(TimePoint now) noexcept {
  if (is_dead()) return TimePoint::max();
  const std::uint64_t reads = reads_.load(std::memory_order_relaxed);
  const bool busy = std::exchange(reads_seen_, reads) != reads || serving_.load() != 0;
  look_ahead();
  beat(heartbeat_.look(now, see()));
  watch_frame(now);
  if (is_dead()) return TimePoint::max();
  const bool watched = watchers_.load() != 0;
  if (watched && !no_more_.load(std::memory_order_relaxed) &&
      stream_->wait_for_end(Deadline::after(Duration::zero())))
    dispatcher_.abandoned();
  // While it is idle, the request that ends that asks for care.
  const bool soon = watched || (busy && session_->may_cancel());
  cared_for_.store(soon, std::memory_order_relaxed);
  Duration period = Duration::max();
  for (const Duration one :
       {heartbeat_.period(), frame_watch_.period(), soon ? kSoon : Duration::zero()}) {
    if (one != Duration::zero()) period = std::min(period, one);
  }
  return period == Duration::max() ? TimePoint::max() : now + period;
}

// It is the peer's turn when nothing of the frame waits for us: somebody reads, or there is nothing
// to be read.
void Connection::watch_frame(TimePoint now) noexcept try {
  if (frame_watch_.timeout() == Duration::zero()) return;
  std::unique_lock lock(mutex_);
  const bool somebody_reads = turnstile_.has_leader();
  lock.unlock();
  if (!frame_watch_.stalls(now, somebody_reads || stream_->unread() == 0)) return;
  fail(Error(Error::Kind::kDisconnected,
             fmt::format("the peer stopped in the middle of a message (frame_timeout {} s): {}",
                         seconds(frame_watch_.timeout()), stream_->describe())));
} catch (...) {
  // Out of memory: the next look comes soon.
}

// Whatever shows that the peer, or at least its machine, is there.
Heartbeat::Seen Connection::see() noexcept {
  // A buffer of less may be full, and cannot grow any more.
  constexpr std::size_t kMostTelling = 32 * 1024;
  const Signs signs = session_->signs();
  const auto unread = stream_->unread();
  std::unique_lock lock(mutex_);
  const bool somebody_reads = turnstile_.has_leader();
  lock.unlock();
  // Side by side, so that no change of the one makes up for one of the other.
  const std::uint64_t reads = reads_.load(std::memory_order_relaxed) << 32;
  Heartbeat::Seen seen{.received = reads | (unread.value_or(0) & 0xffffffff),
                       .sent = outbox_.sent(),
                       .wanted_every = signs.wanted_every,
                       .promised = signs.promised,
                       .may_ask = signs.may_ask,
                       .unsure = unread ? *unread > kMostTelling : !somebody_reads};
  if (!signs.may_ask || heartbeat_.interval() == Duration::zero()) return seen;
  if (machine_watch_ == Duration::zero()) {
    machine_watch_ = stream_->watch_machine(heartbeat_.interval());
  }
  if (machine_watch_ != Duration::zero()) {
    seen.machine_gone = stream_->machine_silence() >= 2 * machine_watch_;
  }
  return seen;
}

void Connection::beat(const Heartbeat::Step& step) noexcept try {
  if (step.give_up) {
    const Duration silence = std::max(heartbeat_.silence(), stream_->machine_silence());
    return fail(
        Error(Error::Kind::kDisconnected,
              fmt::format("nothing has been heard of the peer for {:.1f} s (heartbeat {} s): {}",
                          seconds(silence), seconds(heartbeat_.interval()), stream_->describe())));
  }
  if (!step.show_life && !step.ask) return;
  if (outbox_.has_pending()) return flush();  // the peer does not read: more would not be heard
  Writer out;
  if (step.show_life) session_->write_sign(out);
  if (step.ask) session_->write_probe(out, next_seq());
  if (const auto sent = send_now(out); sent && !*sent) come_back_if_stuck();
} catch (...) {
  // Out of memory: the next look comes soon.
}

Result<void> Connection::take(MutableByteView into) {
  while (!into.empty()) {
    SINEW_ASSIGN(const std::size_t count, stream_->try_read(into, into.size()));
    into = into.subspan(count);
  }
  return {};
}

// Looks at what has come while nobody reads: because the program does something else, or because
// all threads are serving. What is cancelled there is cancelled now. Signs of life would pile up
// and are taken; messages are left where whoever watches the descriptor sees them.
void Connection::look_ahead() noexcept {
  Seat seat;
  std::unique_lock lock(mutex_);
  if (turnstile_.has_leader()) return;
  static_cast<void>(turnstile_.try_lead(seat));
  looking_ahead_ = true;
  lock.unlock();
  const auto cancel = [this](std::int64_t seq) { dispatcher_.cancel(seq); };
  inbox_.look_at_waiting([&](ByteView bytes) { session_->find_cancels(bytes, cancel); });
  Result<std::size_t> received = 0;
  if (!inbox_.has_partial()) {
    std::array<std::uint8_t, 16 * 1024> start;
    received = stream_->peek(start);
    const ByteView ahead = ByteView(start).first(received.value_or(0));
    session_->find_cancels(ahead, cancel);
    const std::size_t signs = has_message() ? 0 : session_->leading_signs(ahead);
    if (signs != 0) static_cast<void>(note_read(take(MutableByteView(start).first(signs))));
  }
  const bool ended = !received && !no_more_.load(std::memory_order_relaxed) &&
                     received.error() != Errc::kWouldBlock &&
                     received.error() != Errc::kInterrupted && !has_message();
  lock.lock();
  looking_ahead_ = false;
  leave(seat, lock);
  if (ended) fail_with(received.error(), "receiving");
}

bool Connection::wait_until_dead(Deadline deadline) {
  // What is left to be read is for others to read: their pace is not known.
  constexpr Duration kLookAgain = std::chrono::milliseconds(20);
  while (!is_dead()) {
    const auto ended = stream_->wait_for_end(deadline);
    if (!ended && ended.error() != Errc::kWouldBlock) break;
    if (ended) look_ahead();
    if (is_dead()) break;
    Parker nobody;
    const Deadline soon = Deadline::earlier(deadline, Deadline::after(kLookAgain));
    if (nobody.park(soon) == Parker::Wake::kInterrupted || deadline.passed()) break;
  }
  return is_dead();
}

}  // namespace sinew::rpc
