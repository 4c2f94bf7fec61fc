#pragma once

#include "base/clock.h"
#include "connection_object.h"
#include "rpc/call.h"
#include "subject.h"

namespace sinew::python {

/// Makes the type AsyncResult. False with an exception set.
bool init_async_result_type(State& state, PyObject* module) noexcept;

/// A new AsyncResult for a request that is to be sent under `seq`; its call is what
/// Question::send() wants. Empty with an exception set on failure.
PyRef make_async_result(ConnectionObject* connection, std::int64_t seq) noexcept;
rpc::Call& call_of(PyObject* async_result) noexcept;

/// The result, waited for: a new reference, or null with what the call raised.
PyObject* value_of(PyObject* async_result) noexcept;

/// Says what was asked, for the error if it expires.
void note_subject(PyObject* async_result, const Subject& subject) noexcept;

/// Sets the time after which the result counts as expired.
void set_expiry(PyObject* async_result, Deadline expiry) noexcept;
// Requests that are made of the connection's methods (messages.h).

/// A new AsyncResult whose request has no number yet.
PyRef make_unsent_result(ConnectionObject* connection) noexcept;

/// The AsyncResult for a request that is about to be sent as `seq`: the unsent one that
/// `conn._callbacks` has for that number, else one that nobody sees. Empty with an exception set.
PyRef result_to_send(Peer& peer, std::int64_t seq) noexcept;

/// Has the answer go by way of Python as soon as it is there. False with an exception set.
bool announce_when_done(PyRef result) noexcept;

/// Waits, serving, for the AsyncResult that this thread waits for by calling conn.serve(): a bool,
/// or empty, with an exception set or because there is none.
PyRef wait_for_awaited(ConnectionObject* connection, Deadline deadline) noexcept;

/// Runs the callbacks of the AsyncResult that `call` belongs to. With the GIL held.
void announce_completion(rpc::Call& call) noexcept;

}  // namespace sinew::python
