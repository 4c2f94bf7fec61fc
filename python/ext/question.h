#pragma once

#include "base/writer.h"
#include "dialect/rpyc/protocol.h"
#include "peer.h"
#include "rpc/call.h"
#include "subject.h"

namespace sinew::python {

/// A request on its way: encodes it, sends it, waits for the answer and decodes that. One object
/// on the stack per synchronous call.
///
/// Arguments are added in order; each add returns false with an exception set. Then ask() or
/// ask_async(). With the GIL held; ask() gives it up while it waits, once.
class Question {
 public:
  /// Starts a request with `count` arguments, whose answer is of no use after `expiry` or after
  /// the end of the scope it is made in (serving.h): the peer is told.
  Question(Peer& peer, dialect::rpyc::Handler handler, std::size_t count,
           Deadline expiry = Deadline::never());

  /// Takes back what the arguments exported if the request was not sent.
  ~Question() { model_.undo_exports(); }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  bool add_netref(const Netref* netref) noexcept;
  bool add(PyObject* value) noexcept;
  bool add_int(std::int64_t value) noexcept;
  /// An argument tuple made of `count` values.
  bool add_items(PyObject* const* items, std::size_t count) noexcept;
  /// Keyword arguments as a tuple of (name, value) pairs; `keywords` may be null.
  bool add_keywords(PyObject* keywords) noexcept;
  /// The same from a vectorcall: names in a tuple, values behind the positional ones.
  bool add_keywords(PyObject* names, PyObject* const* values) noexcept;

  /// Sends and waits as long as the configuration says. New reference, or null with an exception.
  PyObject* ask() noexcept;

  /// Sends for `call`, which was made with seq(); with `later` it may be held back for a moment to
  /// leave together with others. A peer that does not read is waited for until `patience` is over;
  /// what it has no room for then follows when it has. False with an exception set.
  bool send(rpc::Call& call, Deadline patience, bool later = false) noexcept;

  /// Says in whose name a request is made that is not written with add_netref().
  void set_target(const Netref* netref) noexcept { subject_.target = netref->remote_class; }

  std::int64_t seq() const noexcept { return seq_; }
  const Subject& subject() const noexcept { return subject_; }
  Deadline deadline() const noexcept { return deadline_; }

 private:
  bool check(Result<void> result) noexcept;
  PyObject* ask_cooperatively(Deadline deadline) noexcept;
  bool abandon(rpc::Call& call) noexcept;
  void leave(rpc::Call& call) noexcept;

  Peer& peer_;
  PeerModel model_;
  std::int64_t seq_;
  Deadline deadline_;  // never, unless the peer is told
  Subject subject_;
  Writer out_;
  std::size_t frame_start_;
};

/// The result of a call that is done: a new reference, or null with the remote exception raised.
PyObject* take_outcome(Peer& peer, const rpc::Call& call) noexcept;

/// Raises EOFError with the first cause of the connection's end.
void raise_dead(Peer& peer) noexcept;

}  // namespace sinew::python
