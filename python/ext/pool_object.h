#pragma once

#include "state.h"

namespace sinew::python {

/// Makes the type Pool: the engine's pool of connections (server/pooled.h) for ThreadPoolServer.
/// False with an exception set.
bool init_pool_type(State& state, PyObject* module) noexcept;

}  // namespace sinew::python
