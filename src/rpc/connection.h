#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <tsl/robin_map.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/error.h"
#include "rpc/call.h"
#include "rpc/dispatcher.h"
#include "rpc/frame_watch.h"
#include "rpc/heartbeat.h"
#include "rpc/inbox.h"
#include "rpc/outbox.h"
#include "rpc/session.h"
#include "rpc/spin.h"
#include "rpc/turnstile.h"
#include "rpc/unread_answers.h"

namespace sinew::rpc {

/// Limits of one connection; each is an option of the same name in Python's config and in docs.
struct Limits {
  std::size_t max_pending_calls = 1'000'000;            ///< questions without an answer yet
  std::size_t max_queued_bytes = std::size_t{4} << 30;  ///< received, waiting to be served
  /// How often the peer is to show that it lives; zero: that is of no concern.
  Duration heartbeat = Duration::zero();
  /// In which a frame that has begun has to make progress (rpc/frame_watch.h); zero: it may stop.
  Duration frame_timeout = Duration::zero();
};

/// How a wait ended.
enum class WaitStatus : std::uint8_t {
  kDone,         ///< the call is done (wait), or something was served (serve)
  kTimedOut,     ///< the deadline passed
  kInterrupted,  ///< a signal, and the dispatcher said to leave
  kBusy,         ///< another thread reads, and the caller did not want to wait for it
  kDead,         ///< the connection is dead; error() says why
};

/// One connection: questions, answers and the threads that wait for them. Symmetric: neither side
/// is the client. Knows bytes and waiting; what the bytes mean is the Session's, what a request
/// does is the Dispatcher's.
///
/// There is no thread of its own: whoever waits, reads (turnstile.h), and the thread that reads a
/// request serves it. Nothing is held while a thread waits or serves.
///
/// Failure: the first error is the connection's for ever (error()). Every call in flight completes
/// with it, every later one is refused with it.
///
/// In a child process after fork() a connection is dead: its stream belongs to the parent.
///
/// threads: any. Must outlive every call registered and every thread inside.
class Connection {
 public:
  Connection(std::unique_ptr<io::Stream> stream, std::unique_ptr<Session> session,
             Dispatcher& dispatcher, const Limits& limits = {});
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Questions.

  /// The number for the next request, in the order of asking.
  std::int64_t next_seq() noexcept { return next_seq_.fetch_add(1, std::memory_order_relaxed); }

  /// Registers `call` and sends its request as far as that goes without waiting. False when bytes
  /// are left: drain() sends them. Fails with kTooManyPending, or kConnectionReset when the
  /// connection is dead (error()); the call is then not registered. `awaited`: a thread is going
  /// to wait() for it at once.
  Result<bool> start(Call& call, const Writer& request, bool awaited = true);

  /// The same for a call that nobody waits for yet. Requests in quick succession may be held back
  /// for a moment, so that they leave together; whoever waits or serves sends them.
  Result<bool> start_later(Call& call, const Writer& request);

  /// A thread is going to wait() for a call that was sent before: what belongs to it may be kept
  /// for that thread.
  void expect_wait(Call& call) noexcept;

  /// Waits for `call`, reading and serving meanwhile. After kTimedOut and kInterrupted the call is
  /// still registered: forget() it or wait again.
  WaitStatus wait(Call& call, Deadline deadline);

  /// Looks for the answer for a few microseconds, serving nothing, and only if that is likely to
  /// pay (spin.h). For callers that hold a lock they would rather not give up, such as the GIL;
  /// `patience` is how much longer they keep it, asleep. True when the call is done.
  /// A signal does not end the looking: the caller looks at its signals before it goes on to
  /// wait().
  bool poll_briefly(Call& call, Duration patience = Duration::zero()) noexcept;

  /// Takes back a call that is not done: its answer will be dropped. True if it was still waiting.
  bool forget(Call& call) noexcept;

  /// Asks for `call`'s completion to be given to the dispatcher as work. False when it is done
  /// already: then the caller announces it itself.
  bool notify_on_completion(Call& call) noexcept;

  /// Takes back the announcement of a completion that nobody has begun yet. True if there was one:
  /// then the caller announces it itself.
  bool take_announcement(Call& call) noexcept;

  /// From `expiry` on the call counts as given up: an answer that comes later is dropped, and the
  /// outcome is kExpired. May be set again while the call is not done.
  void set_expiry(Call& call, Deadline expiry) noexcept;

  /// Makes the call's outcome kExpired if its time has passed. True if it is expired.
  bool check_expiry(Call& call) noexcept;

  /// The owner of `call` has looked at its answer, or never will. A call that dies says so itself.
  void answer_taken(Call& call) noexcept;

  /// Calls `visit(const Call&)`, under the connection's lock, for each call with a result that came
  /// before whatever is being served now, and that its owner has not looked at; but for each only
  /// once in its life. For who serves a message that takes something back: such an answer may name
  /// it, and is to find it.
  template <class Visit>
  void visit_unread(Visit&& visit) {
    if (!unread_.any() || forked()) return;
    const std::scoped_lock lock(mutex_);
    while (Call* const call = unread_.first()) {
      visit(static_cast<const Call&>(*call));
      unread_.remove(*call);  // last: from then on its owner may let it die without the lock
    }
  }

  // Answers.

  /// Sends a message that nobody waits for (an answer, a release) as far as that goes without
  /// waiting. While more requests are there to be served it may be held back for a moment, so that
  /// answers leave together. False when bytes are left: drain().
  Result<bool> send_answer(const Writer& message);

  /// Bytes that were handed in and that the kernel has not taken.
  std::uint64_t unsent() const noexcept { return outbox_.queued() - outbox_.sent(); }

  /// Sends at once, together with everything held back.
  Result<bool> send_now(const Writer& message);

  /// Waits until everything handed in so far is with the kernel, reading meanwhile so that two
  /// sides that write at once cannot block each other.
  WaitStatus drain(Deadline deadline);

  /// Queues `message` to leave in front of the next one.
  void cork(const Writer& message) noexcept;

  /// Sends what is corked, as far as it goes now; the caretaker comes back for the rest.
  void flush() noexcept;

  /// Asks for idle_flush() within `delay`, unless a message takes along what is held back. Cheap
  /// when that has been asked for already.
  void flush_within(Duration delay) noexcept;

  /// Caretaker: sends what is held back.
  void idle_flush() noexcept;

  /// Caretaker: sends signs of life, ends the connection when the peer shows none or stops in the
  /// middle of a frame, and finds cancellations that nobody reads because all are serving. Returns
  /// when to come again; TimePoint::max() for not by itself.
  TimePoint look_after(TimePoint now) noexcept;

  /// Somebody wants to know within 50 ms when the peer ends the stream (Dispatcher::abandoned()),
  /// or, with false, does not any more.
  void watch_end(bool on) noexcept;

  /// The host is about to end what can be read (shutdown(SHUT_RD)), so that what is being served is
  /// answered and no more: whoever reads then sees the end, but the caretaker does not take it for
  /// the peer's.
  void expect_no_more() noexcept { no_more_.store(true, std::memory_order_relaxed); }

  /// Has look_after() called soon: something has changed that it goes by. Call once when the
  /// connection is ready to be used.
  void ask_for_care() noexcept;

  // Serving.

  /// Serves until `deadline`: with `once` until one message has been handled, else for ever (or
  /// until the connection is dead). `wait_for_turn` false returns kBusy if another thread reads.
  WaitStatus serve(Deadline deadline, bool once, bool wait_for_turn = true);

  /// True when messages that have been read, or bytes that the stream has taken in, wait for
  /// somebody to serve them: whoever watches the descriptor would not see them.
  bool has_unserved() const;

  /// Reads until a message is there or `deadline` passes, and looks at its header only: a request
  /// is left to be served by whoever waits next.
  void listen(Deadline deadline) noexcept;

  /// Lets go of memory that only a connection in use needs. For a host with many idle connections,
  /// once serve() has nothing more; does nothing while another thread reads.
  void trim() noexcept;

  // Life.

  /// Ends the connection. The first reason wins; everybody who waits is woken.
  void fail(Error error) noexcept;
  /// The end is near, for this reason: when the peer closes the stream from now on, that is not
  /// news.
  void expect_end(Error reason);

  /// Sleeps until the connection is dead, which it becomes when the peer ends it and nothing is
  /// left to be read. True if it is. A signal ends the wait, too.
  bool wait_until_dead(Deadline deadline);
  bool is_dead() const noexcept { return dead_.load(std::memory_order_acquire) || forked(); }

  /// Why the connection is dead; null while it lives.
  std::shared_ptr<const Error> error() const;

  io::Stream& stream() noexcept { return *stream_; }
  Session& session() noexcept { return *session_; }
  std::size_t pending_calls() const;

 private:
  friend class WorkQueue;

  Result<void> enroll(Call& call, bool awaited);
  bool may_hold_back(const Writer& message, std::size_t most) const noexcept;

  // Why the leader's turn ended, or why it handles no more frames for now.
  enum class Turn : std::uint8_t {
    kEmpty,    // no complete frame is left
    kRequest,  // a request is next, and the caller did not want any; it stays next
    kGiven,    // a request was given to the thread that waits for the call it belongs to
    kWork,     // work was found
    kDone,     // the seat's own call is done
    kHandled,  // one message was handled, and the caller wanted one
    kTimedOut,
    kInterrupted,
    kDead,
  };
  enum class Want : std::uint8_t { kAnswersOnly, kOneMessage, kEverything };
  // How long to wait for a thread that is on its way to the wait in which it is to be found. Who
  // holds a lock that this one may need, such as the GIL, must not.
  enum class Patience : std::uint8_t { kNone, kSome };
  enum class Giving : std::uint8_t {
    kGiven,   // to the thread that waits for the call, together with the lead
    kNotYet,  // it is on its way
    kNobody,  // the request is for who reads it
  };

  // connection_wait.cpp
  WaitStatus wait_turns(Seat& seat, Deadline deadline, Want want, bool wait_for_turn);
  std::optional<WaitStatus> follow(Seat& seat, Deadline deadline,
                                   std::unique_lock<std::mutex>& lock);
  std::optional<WaitStatus> take_turn(Seat& seat, Deadline deadline, Want want,
                                      std::unique_lock<std::mutex>& lock);
  void note_answered() noexcept;
  static bool serves_from(const Seat& seat) noexcept;
  Deadline next_look_at_signals(Deadline deadline) const noexcept;
  std::optional<WaitStatus> look_at_signals(Seat& seat, std::unique_lock<std::mutex>& lock);
  void stop_leading(Seat& seat, std::unique_lock<std::mutex>& lock) noexcept;
  void leave(Seat& seat, std::unique_lock<std::mutex>& lock) noexcept;
  void take_back_locked(Seat& seat) noexcept;
  void attach_locked(Seat& seat) noexcept;
  void detach_locked(Seat& seat) noexcept;
  void count_waiting_locked(int change) noexcept;

  // connection_lead.cpp
  Turn lead(Seat& seat, Deadline deadline, Want want, std::optional<Work>& work);
  Turn handle_frames(Seat& seat, Want want, std::optional<Work>& work,
                     Patience patience = Patience::kSome);
  bool has_message() const noexcept { return opened_.has_value() || inbox_.has_frame(); }
  Result<std::optional<Incoming>> next_message();
  Giving give_to_waiter(Seat& seat, Incoming& request, Patience patience) noexcept;
  std::int64_t question_of(std::uint64_t thread) const noexcept;
  Giving find_waiter_locked(std::int64_t seq, Seat& seat, Patience patience,
                            std::unique_lock<std::mutex>& lock, Seat*& waiter) noexcept;
  void heed(const Incoming& control) noexcept;
  void send_control(const Slice& frame) noexcept;

  // connection_read.cpp
  Result<void> read_more(Deadline deadline);
  Result<void> try_fill();
  void acknowledge() noexcept;
  Result<void> note_read(Result<void> read) noexcept;
  void note_progress() noexcept { frame_watch_.note(inbox_.received(), inbox_.partial()); }
  Result<bool> spin_for_input(Deadline deadline);
  void spin_for_answer(Seat& seat) noexcept;
  void await_answer(Seat& seat, Duration patience) noexcept;

  // connection_care.cpp
  void beat(const Heartbeat::Step& step) noexcept;
  Heartbeat::Seen see() noexcept;
  void look_ahead() noexcept;
  Result<void> take(MutableByteView into);
  void watch_frame(TimePoint now) noexcept;

  bool complete(Incoming& incoming) noexcept;
  std::optional<Work> next_announcement() noexcept;
  const void* finish_locked(Call& call, Call::Outcome outcome) noexcept;
  void come_back_if_stuck() noexcept;
  WaitStatus drain_all(Deadline deadline);
  Result<void> drain_step(std::uint64_t until, Deadline deadline);
  Result<io::Readiness> wait_for_room(bool read_too, Deadline deadline);
  Result<void> set_input_aside();
  void fail_with(Errc errc, std::string_view doing) noexcept;
  bool forked() const noexcept;

  std::unique_ptr<io::Stream> stream_;
  std::unique_ptr<Session> session_;
  Dispatcher& dispatcher_;
  const Limits limits_;
  const std::uint32_t fork_generation_;
  std::atomic<std::int64_t> next_seq_{0};
  std::atomic<bool> dead_{false};
  Inbox inbox_;                     // the leader's
  std::optional<Incoming> opened_;  // the leader's: was read, is next
  Outbox outbox_;                   // has its own lock, taken after mutex_ or alone
  Spin spin_;
  Heartbeat heartbeat_;  // the caretaker's
  FrameWatch frame_watch_;
  std::uint64_t reads_seen_ = 0;               // the caretaker's: of reads_, at its last look
  Duration machine_watch_ = Duration::zero();  // the caretaker's: how often the system asks
  std::atomic<bool> more_to_serve_{false};     // a hint for send_answer(): messages wait
  std::atomic<int> serving_{0};                // requests that may be cancelled, being served
  std::atomic<bool> no_more_{false};           // the end of what can be read is our own doing
  std::atomic<int> watchers_{0};               // of the peer's end
  std::atomic<bool> cared_for_{true};          // the caretaker comes soon
  std::atomic<int> waiting_{0};                // written under mutex_: seats that wait for a call
  std::atomic<bool> just_spun_{false};         // the wait that follows need not spin again
  std::atomic<bool> unacknowledged_{false};    // a hint for the leader: read since the last send
  std::atomic<std::uint64_t> reads_{0};        // written by the leader: reads that brought some
  std::atomic<bool> armed_once_{false};        // the caretaker has heard of us
  std::atomic<TimePoint::rep> idle_due_{0};    // when idle_flush() comes; 0: not asked for
  std::atomic<TimePoint::rep> last_later_{0};  // when start_later() was last called
  std::atomic<bool> announce_{false};          // announcements_ is not empty

  [[no_unique_address]] LiveCount<Counted::kConnection> live_;

  mutable std::mutex mutex_;
  Turnstile turnstile_;                        // guarded by mutex_
  tsl::robin_map<std::int64_t, Call*> calls_;  // guarded by mutex_
  std::list<Call*> announcements_;             // guarded by mutex_: done, to be told about
  UnreadAnswers unread_;                       // guarded by mutex_
  std::shared_ptr<const Error> error_;         // guarded by mutex_
  std::optional<Error> expected_end_;          // guarded by mutex_
  bool looking_ahead_ = false;  // guarded by mutex_: the caretaker leads, for a moment
};

/// The work that a thread found while it led, and whatever follows it (dispatcher.h).
///
/// threads: the one it is given to.
class WorkQueue {
 public:
  WorkQueue(Connection& connection, Seat& seat, Work first, bool once) noexcept
      : connection_(connection), seat_(seat), next_(std::move(first)), once_(once) {}
  ~WorkQueue() { done(); }
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// The next work, or nothing. Reads nothing from the stream.
  std::optional<Work> take() noexcept;

  /// The work taken last has started: lets another thread lead. `briefly`: it runs nothing of the
  /// program's, so that what comes for this thread meanwhile may wait for it.
  void begin(bool briefly = false) noexcept;

  /// Gives a request instead to the thread that waits, or is about to, for the answer to our
  /// `question`, together with the lead. False, and nothing has happened, if none does, or it is
  /// busy.
  bool give(Incoming& request, std::int64_t question) noexcept;

  /// The question whose answer this thread waits for, or Incoming::kNobody.
  std::int64_t waits_for() const noexcept;

  /// Ends the wait of this thread with kInterrupted once the dispatcher returns: serving raised
  /// something that is to leave through the waiting call.
  void stop() noexcept { stopped_ = true; }
  bool stopped() const noexcept { return stopped_; }

  Connection& connection() noexcept { return connection_; }

 private:
  Connection& connection_;
  Seat& seat_;
  void done() noexcept;

  std::optional<Work> next_;
  bool once_;
  bool stopped_ = false;
  bool serving_ = false;  // counted in Connection::serving_
};

}  // namespace sinew::rpc
