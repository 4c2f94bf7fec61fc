#pragma once

#include "netref.h"

namespace sinew::python {

/// Makes the types RemoteMethod (what a proxy class has under the name of a remote method) and
/// BoundMethod (such a name on one proxy, about to be called). False with an exception set.
bool init_method_types(State& state, PyObject* module) noexcept;

/// `name` of `self`, to be called: no message is sent before that. New reference or null.
PyObject* make_bound_method(Netref* self, PyObject* name) noexcept;

/// Calls a method of the remote object in one message. `keyword_names` may be null; the values of
/// keyword arguments follow the positional ones. New reference or null with an exception set;
/// throws std::bad_alloc.
PyObject* call_method(Netref* self, PyObject* name, PyObject* const* args, std::size_t count,
                      PyObject* keyword_names);

}  // namespace sinew::python
