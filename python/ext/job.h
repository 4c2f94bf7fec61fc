#pragma once

#include <cstdint>

#include "peer.h"

namespace sinew::python {

// Requests that run where a dispatcher says (docs/dispatching.md). The thread that reads makes a
// Job of a request and submits it; whoever calls the job serves the request and sends the answer. A
// job is answered exactly once, whatever happens to it: it is run, or failed because the dispatcher
// refuses it, is closed, has not come to it in time, or lets go of it.
//
// All with the GIL held, which is what guards the table of jobs that wait.

/// Makes the type Job. False with an exception set.
bool init_job_type(State& state, PyObject* module) noexcept;

/// Whether a request may run on whatever thread reads it, because it runs no code of the program.
bool runs_anywhere(Peer& peer, const rpc::Incoming& request) noexcept;

/// Hands a request to the peer's dispatcher.
void hand_over(Peer& peer, rpc::Incoming request) noexcept;

/// Whether this thread is in the peer's dispatcher, handing it a request. It reads for all: what
/// it would wait for on this connection would not come. True with an exception set.
bool refuse_to_wait(const Peer& peer) noexcept;

/// Stops the work of a request that waits to be run, or for its coroutine: nobody waits for it any
/// more, or its time is over. False if there is none.
bool stop_job(std::uint64_t peer_serial, std::int64_t seq) noexcept;

/// Cancels the coroutines that serve requests of the peer, whose connection has ended.
void cancel_coroutines(Peer& peer) noexcept;

/// Lets go of an object that the peer gave back, on the dispatcher's thread if that is to be the
/// only one that its destructor runs on.
void let_go(Peer& peer, PyRef object) noexcept;

/// This thread, which is one of the dispatcher's, is going to wait for the answer to a question on
/// the dispatcher's own connection: what the peer asks meanwhile as part of it is for this thread.
/// Which requests those are a peer of ours tells (extension `affinity`); of a stock peer all are
/// taken for it, as any could be, and nobody else could run them.
///
/// Runs the ones that came before.
class Adopting {
 public:
  Adopting(Peer& peer, rpc::Call& question) noexcept;
  ~Adopting();
  Adopting(const Adopting&) = delete;
  Adopting& operator=(const Adopting&) = delete;

  /// Nothing else may be given to this thread while it serves. Takes back what came meanwhile.
  void pause() noexcept;
  void resume() noexcept;

  /// That of this thread for a question, or null.
  static Adopting* of(const Peer& peer, std::int64_t question) noexcept;

 private:
  void run_what_waits() noexcept;

  Peer* const peer_;  // null: not one of the dispatcher's threads, nothing to do
  rpc::Call& question_;
  Adopting* outer_ = nullptr;
};

}  // namespace sinew::python
