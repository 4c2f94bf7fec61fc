#pragma once

#include <memory>

#include "io/stream.h"
#include "state.h"

namespace sinew::python {

/// Makes the types TlsContext and TlsStream: the engine's TLS for sinew/tls.py, which gives them
/// the face of a socket. False with an exception set.
bool init_tls_types(State& state, PyObject* module) noexcept;

/// A stream over the one that a TlsStream object holds and goes on holding. Null with an exception
/// set when `object` is none.
std::unique_ptr<io::Stream> share_tls_stream(State& state, PyObject* object);

}  // namespace sinew::python
