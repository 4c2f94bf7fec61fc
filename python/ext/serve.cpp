// The dispatcher: work that a waiting thread found is done here, under the GIL.

#include "answer.h"
#include "async_result.h"
#include "errors.h"
#include "gil.h"
#include "peer.h"
#include "wire/rpyc_frame.h"

namespace sinew::python {
namespace {

using dialect::rpyc::Label;

// How deep requests are being served inside each other on this thread.
thread_local std::size_t serving_depth = 0;

// An answer that came too late: the references in it go back at once.
void give_back(Peer& peer, const Slice& body) noexcept {
  PeerModel model(peer);
  Reader in(body.bytes());
  if (const auto value = dialect::rpyc::unbox(model, in, peer.limits().brine); !value) {
    PyErr_Clear();
  }
}

// Serves one request. False when it raised something that is to leave through the waiting call;
// the exception is set then.
bool serve(Peer& peer, const rpc::Incoming& request) noexcept {
  ++serving_depth;
  const bool stay = answer(peer, request, serving_depth > peer.limits().max_call_depth);
  --serving_depth;
  return stay;
}

}  // namespace

void Peer::dispatch(rpc::WorkQueue& queue) noexcept {
  if (interpreter_is_gone()) return queue.stop();
  const AdoptThread gil;
  const PyRef alive = PyRef::share(owner_object());  // the user's code may drop the connection
  while (auto work = queue.take()) {
    queue.begin();
    if (work->completed != nullptr) {
      announce_completion(*work->completed);
    } else if (work->incoming.kind != rpc::Incoming::Kind::kRequest) {
      give_back(*this, work->incoming.body);
    } else if (!serve(*this, work->incoming)) {
      return queue.stop();
    }
  }
}

}  // namespace sinew::python
