#pragma once

#include "rpc/session.h"

namespace sinew::rpc {

class Call;
class Connection;
class WorkQueue;

/// Something to be done on the thread that found it: a request of the peer (an answer for us to
/// make), a notice, an answer that came too late and hands over references
/// (Session::carries_references()), or the completion of a call of ours that somebody wants to be
/// told about.
struct Work {
  Incoming incoming;          ///< when `completed` is null; its kind tells which of the first three
  Call* completed = nullptr;  ///< a call whose completion is to be announced
};

/// Serves what a connection receives: the object model's side of the engine.
///
/// threads: any thread that waits on the connection, several at once for several requests.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  /// Takes work from `queue` until it has no more: `while (auto work = queue.take()) { prepare;
  /// queue.begin(); do it; }`. begin() tells the engine that this work has started: requests of one
  /// connection start in the order of their arrival, and another thread may read from then on. A
  /// dispatcher that needs a lock of its own (the GIL) takes it once, before the first begin(), and
  /// keeps it for the whole batch. Must not throw.
  virtual void dispatch(WorkQueue& queue) noexcept = 0;

  /// Nobody waits any more for the answer to the peer's request `seq`: its work may stop. It may be
  /// under way on any thread, not have started yet, be done, or never have been there, and the call
  /// may come more than once. Called on a thread that reads or on the caretaker's. Must not wait.
  virtual void cancel(std::int64_t seq) noexcept { static_cast<void>(seq); }

  /// Hands in what waits to travel with the next message (releases), because none comes: called on
  /// a thread of the engine, before what is held back is sent. Must not wait.
  virtual void before_idle_flush() noexcept {}

  /// Messages that have been read, or announcements, wait for somebody to serve them, and no thread
  /// is at it or waits to be: whoever watches the descriptor would not learn of them. Called on the
  /// thread that read them, without a lock. Must not wait.
  virtual void messages_left() noexcept {}

  /// The peer has ended the stream, although messages may still be there: found while somebody
  /// watches for it (Connection::watch_end()). On the caretaker's thread, perhaps many times. Must
  /// not wait.
  virtual void abandoned() noexcept {}

  /// The connection has died. Called once, on whatever thread noticed, without a lock. Must not
  /// wait, and must not let the connection's memory go.
  virtual void ended() noexcept {}

  /// Whether this thread is the one that signals are handled on: its waits are then cut in slices,
  /// because a signal that arrives just before a wait does not interrupt it.
  virtual bool handles_signals() const noexcept { return false; }

  /// Whether other work may run on this thread, and on its stack, while some is being served
  /// (greenlets): then nothing may point to what lies there.
  virtual bool switches_stacks() const noexcept { return false; }

  /// A signal arrived, or may have arrived, while a thread waited for an answer. Returns true when
  /// the wait is to be abandoned (Ctrl-C). Only asked for waits that allow it.
  virtual bool interrupted() noexcept = 0;
};

}  // namespace sinew::rpc
