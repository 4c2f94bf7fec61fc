#pragma once

#include "peer.h"

namespace sinew::python {

/// Serves one request on this thread and sends its answer. False when it raised something that is
/// to leave here; the exception is set then. With `coroutine`, one that the request returns is put
/// there and nothing is answered. With the GIL held.
bool serve_here(Peer& peer, const rpc::Incoming& request, PyRef* coroutine = nullptr) noexcept;

}  // namespace sinew::python
