#pragma once

#include "connection_object.h"
#include "rpc/call.h"

namespace sinew::python {

/// Makes the type AsyncResult. False with an exception set.
bool init_async_result_type(State& state, PyObject* module) noexcept;

/// A new AsyncResult for a request that is to be sent under `seq`; its call is what
/// Question::send() wants. Empty with an exception set on failure.
PyRef make_async_result(ConnectionObject* connection, std::int64_t seq) noexcept;
rpc::Call& call_of(PyObject* async_result) noexcept;

/// The result, waited for: a new reference, or null with what the call raised.
PyObject* value_of(PyObject* async_result) noexcept;

/// Sets the time after which the result counts as expired.
void set_expiry(PyObject* async_result, Deadline expiry) noexcept;

/// Runs the callbacks of the AsyncResult that `call` belongs to. With the GIL held.
void announce_completion(rpc::Call& call) noexcept;

}  // namespace sinew::python
