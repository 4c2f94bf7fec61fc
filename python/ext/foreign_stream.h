#pragma once

#include <memory>
#include <string>

#include "io/stream.h"
#include "py_ref.h"

namespace sinew::python {

/// A stream that is a Python object: a paramiko channel, a wrapped socket, a subclass of RPyC's
/// Stream. It has `read(count)` (exactly that many bytes), `write(data)` (all of it),
/// `poll(timeout)`, `close()` and `fileno()`.
///
/// Each operation takes the GIL. A write finishes before it returns, so it may wait; Python's own
/// code gives the GIL up meanwhile.
std::unique_ptr<io::Stream> make_foreign_stream(PyObject* stream);

/// Takes the Python exception that is set and returns what it says.
std::string take_exception_text();

}  // namespace sinew::python
