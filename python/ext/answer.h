#pragma once

#include "peer.h"

namespace sinew::python {

/// Serves one request and sends its answer, which is an exception when serving raised one. With
/// `too_deep` the request is refused: it is nested deeper than max_call_depth allows.
///
/// Returns false when the exception is to be raised here instead of at the peer (SystemExit and
/// KeyboardInterrupt, as the configuration says); it is set then. With the GIL held; given up
/// while a large answer is sent.
bool answer(Peer& peer, const rpc::Incoming& request, bool too_deep) noexcept;

}  // namespace sinew::python
