#pragma once

#include <memory>

#include "io/stream.h"
#include "py_ref.h"

namespace sinew::python {

/// A stream over an `ssl.SSLSocket`, that of a program's own authenticator for instance. The socket
/// is switched to non-blocking mode, and all waiting is done on its descriptor, without the GIL.
///
/// Null with an exception set when `socket` has no descriptor.
std::unique_ptr<io::Stream> make_ssl_socket_stream(PyObject* socket);

}  // namespace sinew::python
