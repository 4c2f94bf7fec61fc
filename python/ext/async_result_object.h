#pragma once

#include <optional>

#include "async_result.h"
#include "overrides.h"
#include "peer.h"

namespace sinew::python {

// What an AsyncResult is made of, and how a thread waits for one: for the files
// async_result*.cpp. With the GIL held.

struct AsyncResultObject;

// The call, and the way back from it to the Python object that holds it.
struct AsyncCall final : rpc::Call {
  AsyncCall(std::int64_t seq, AsyncResultObject* of) noexcept : Call(seq), owner(of) {}
  AsyncResultObject* const owner;
};

// The fields that Python's member table names by their offset.
struct AsyncResultHead {
  PyObject ob_base;
  ConnectionObject* connection;  // owned reference
  PyObject* weak_references;
};

struct AsyncResultObject : AsyncResultHead {
  std::optional<AsyncCall> call;  // empty until the request has a number
  Deadline expiry;
  Subject subject;      // with an owned reference to its name
  PyObject* callbacks;  // owned reference to a list; null while there are none
  PyObject* value;      // owned reference: the decoded result or exception; null before
  bool is_exception;
  unsigned long reader;  // the thread that is decoding the answer; 0: none
  PyObject* turn;        // owned reference: a lock, held until it is done; null if nobody waits
  bool cancelled;  // by cancel()
  bool told_peer;  // that nobody waits any more
  bool announced;  // holds a reference on itself until its completion has been announced
  bool by_number;  // sent by `_send`: the answer goes to whoever `_callbacks` has for its number
  bool delivered;  // the answer has begun to do so; the program may take its time
};

inline AsyncResultObject* self_of(PyObject* object) noexcept {
  return reinterpret_cast<AsyncResultObject*>(object);
}

inline Peer* peer_of(AsyncResultObject* self) noexcept { return python::peer_of(self->connection); }

/// Decodes the answer, which must be there, or has it go by way of Python, which may set the value.
/// One thread at a time; others wait for it. False with an exception set, which is not the remote
/// one.
bool decode(AsyncResultObject* self) noexcept;

/// Has an answer go by way of Python. What is raised there is what the call has come to.
void deliver(AsyncResultObject* self) noexcept;

// The thread that waited for the call runs its callbacks before it goes on, unless another one has
// begun to.
inline void announce_if_pending(Peer& peer, AsyncCall& call) noexcept {
  if (call.done() && peer.connection().take_announcement(call)) announce_completion(call);
}

// Whether there is an answer, or the certainty that there will be none.
inline bool is_done(const AsyncResultObject* self) noexcept {
  if (self->value != nullptr) return true;
  if (self->by_number) return self->call->outcome() == rpc::Call::Outcome::kFailed;
  return self->call && self->call->done() && self->call->outcome() != rpc::Call::Outcome::kExpired;
}

inline bool is_expired(AsyncResultObject* self) noexcept {
  if (is_done(self) || self->connection->peer == nullptr) return false;
  if (!self->call || (self->by_number && self->call->done())) return self->expiry.passed();
  return self->connection->peer->connection().check_expiry(*self->call);
}

inline bool is_taken(const AsyncResultObject* self, HookSet hooks) noexcept {
  return (overridden(self->connection) & hooks) != 0;
}

/// Serves what is there, without waiting. False with an exception set.
bool poll_once(AsyncResultObject* self) noexcept;

/// Waits as stock does: by conn.serve(), again and again. False with an exception set.
bool wait_by_serving(AsyncResultObject* self) noexcept;

/// Waits until there is an answer or the time has passed. False with an exception set.
bool wait_by_the_engine(Peer& peer, AsyncResultObject* self) noexcept;

}  // namespace sinew::python
