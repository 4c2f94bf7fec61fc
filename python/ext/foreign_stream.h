#pragma once

#include <memory>

#include "io/stream.h"
#include "py_ref.h"

namespace sinew::python {

/// A stream that is a Python object: TLS over Python's ssl module, a paramiko channel, a subclass
/// of RPyC's Stream. It has `read(count)` (exactly that many bytes), `write(data)` (all of it),
/// `poll(timeout)`, `close()` and `fileno()`.
///
/// Each operation takes the GIL. A write finishes before it returns, so it may wait; Python's own
/// code gives the GIL up meanwhile.
std::unique_ptr<io::Stream> make_foreign_stream(PyObject* stream);

}  // namespace sinew::python
