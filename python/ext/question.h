#pragma once

#include "base/writer.h"
#include "dialect/rpyc/protocol.h"
#include "peer.h"
#include "rpc/call.h"

namespace sinew::python {

/// A request on its way: encodes it, sends it, waits for the answer and decodes that. One object
/// on the stack per synchronous call.
///
/// Arguments are added in order; each add returns false with an exception set. Then ask() or
/// ask_async(). With the GIL held; ask() gives it up while it waits, once.
class Question {
 public:
  /// Starts a request with `count` arguments.
  Question(Peer& peer, dialect::rpyc::Handler handler, std::size_t count);

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
  /// leave together with others. False with an exception set.
  bool send(rpc::Call& call, bool later = false) noexcept;

  std::int64_t seq() const noexcept { return seq_; }

 private:
  bool check(Result<void> result) noexcept;
  void abandon(rpc::Call& call) noexcept;
  PyObject* ask_cooperatively(double seconds) noexcept;

  Peer& peer_;
  PeerModel model_;
  std::int64_t seq_;
  Writer out_;
  std::size_t frame_start_;
};

/// The result of a call that is done: a new reference, or null with the remote exception raised.
PyObject* take_outcome(Peer& peer, const rpc::Call& call) noexcept;

/// Raises EOFError with the first cause of the connection's end.
void raise_dead(Peer& peer) noexcept;

/// Raises TimeoutError for a call that was given up after `seconds`.
void raise_timeout(double seconds) noexcept;

}  // namespace sinew::python
