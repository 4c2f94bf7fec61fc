#pragma once

#include "base/writer.h"
#include "peer.h"

namespace sinew::python {

/// Serves one request and sends its answer, which is an exception when serving raised one. With
/// `too_deep` the request is refused: it is nested deeper than max_call_depth allows.
///
/// Returns false when the exception is to be raised here instead of at the peer (SystemExit and
/// KeyboardInterrupt, as the configuration says); it is set then. With the GIL held; given up
/// while a large answer is sent.
///
/// With `coroutine`, one that the request returns is put there, and nothing is sent.
bool answer(Peer& peer, const rpc::Incoming& request, bool too_deep,
            PyRef* coroutine = nullptr) noexcept;

/// Sends the answer to a request of that number: a value, or the exception that is set. As above.
bool answer_with(Peer& peer, std::int64_t seq, PyObject* value) noexcept;
bool answer_with_error(Peer& peer, std::int64_t seq) noexcept;

/// Sends an answer, a whole frame; gives the GIL up only when it does not fit at once. False when a
/// signal handler raised meanwhile, with that set: the rest leaves when somebody comes by. One for
/// a connection that has ended is dropped.
bool send_answer(Peer& peer, const Writer& out) noexcept;

}  // namespace sinew::python
