#pragma once

#include "peer.h"

namespace sinew::python {

/// Serves one kind of request: reads its arguments, does it, returns the result (a new reference)
/// or null with the exception set that the peer is to get. With the GIL held.
using HandlerFunction = PyRef (*)(Peer& peer, dialect::rpyc::ItemReader& arguments);

/// The function for a request code, or null for those that are served in Python (protocol.py:
/// `_serve_cold`) or not at all.
HandlerFunction handler_function(std::int64_t handler) noexcept;

}  // namespace sinew::python
