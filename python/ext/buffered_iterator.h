#pragma once

#include "state.h"

namespace sinew::python {

/// Makes the type. False with an exception set.
bool init_buffered_iterator_type(State& state, PyObject* module) noexcept;

/// Iterates over a remote iterator (a netref), fetching items in chunks, the first of `chunk`
/// items, each later one `factor` times as many, up to `max_chunk`: an item then costs a fraction
/// of a round trip. The remote iterator runs ahead of the loop, so this is for iterators that
/// nobody else looks at. Empty with an exception set on failure.
PyRef make_buffered_iterator(State& state, PyRef remote_iterator, Py_ssize_t chunk = 16,
                             Py_ssize_t max_chunk = 4096, double factor = 4) noexcept;

}  // namespace sinew::python
