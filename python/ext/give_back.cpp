#include "give_back.h"

#include "dialect/rpyc/give_back.h"

namespace sinew::python {
void give_back(Peer& peer, rpc::Incoming::Kind kind, const Slice& body) noexcept {
  if (kind == rpc::Incoming::Kind::kReply) give_back_box(peer, Reader(body.bytes()));
}

void give_back_box(Peer& peer, Reader box) noexcept {
  dialect::rpyc::give_back_box(peer, box, peer.limits().brine.max_depth);
}

void give_back_rest(Peer& peer, Reader box, const Reader& stopped_at) noexcept {
  if (stopped_at.remaining() == 0) return;
  dialect::rpyc::give_back_box(peer, box, peer.limits().brine.max_depth, stopped_at.remaining());
}

}  // namespace sinew::python
