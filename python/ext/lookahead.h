#pragma once

#include "py_ref.h"

namespace sinew::python {

/// True when the attribute `name` that is being looked up right now will be called next and used
/// for nothing else: the running bytecode instruction is the method load of `object.name(...)`.
///
/// That is what makes a remote method call one message: stock RPyC fetches the attribute, calls it
/// and releases it. A plain `object.name` is still fetched at once, because its AttributeError
/// belongs there. Where the interpreter cannot tell (tracing, an unknown version, a call from C)
/// the answer is false, and the attribute is fetched.
///
/// With the GIL held, inside a tp_getattro slot.
bool next_is_call(PyObject* name) noexcept;

}  // namespace sinew::python
