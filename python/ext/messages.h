#pragma once

#include "peer.h"

namespace sinew::python {

// Messages by way of Python: what stock RPyC's Connection does in methods, for connections whose
// class has overridden one of them (overrides.h: kMessageHooks). Messages are shown in the form of
// RPyC 6, whichever family the peer speaks.

/// Serves a request by the connection's `_dispatch`. False when that raised, which is then to leave
/// through the waiting call; the exception is set. With the GIL held.
bool dispatch_in_python(Peer& peer, const rpc::Incoming& request) noexcept;

/// Has `result`, an AsyncResult whose call is done, get its value by the connection's `_dispatch`.
/// False with an exception set when that raised. With the GIL held.
bool deliver_in_python(Peer& peer, const rpc::Call& call, PyObject* result) noexcept;

/// Asks as a proxy does where sync_request() is, or is made of, methods of the program: through
/// conn.sync_request(handler, *arguments). An argument that is null ends them. New reference, or
/// null with an exception set.
PyObject* ask_in_python(Peer& peer, dialect::rpyc::Handler handler, PyObject* first,
                        PyObject* second = nullptr, PyObject* third = nullptr,
                        PyObject* fourth = nullptr) noexcept;

/// Keyword arguments as a request has them, a tuple of pairs: of a dict, which may be null, or of
/// the names and values of a vectorcall. Empty with an exception set.
PyRef keyword_pairs(PyObject* keywords) noexcept;
PyRef keyword_pairs(PyObject* names, PyObject* const* values) noexcept;

// Methods of the connection: `_box(value)`, `_unbox(package)`, `_send(kind, seq, args)`.
PyObject* connection_box(PyObject* object, PyObject* value);
PyObject* connection_unbox(PyObject* object, PyObject* package);
PyObject* connection_send(PyObject* object, PyObject* args);

}  // namespace sinew::python
