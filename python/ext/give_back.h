#pragma once

#include "peer.h"

namespace sinew::python {

/// Gives back the references in an answer that nobody will look at: one whose caller gave up, or
/// let go of the result unread. Makes no proxies and asks the peer nothing, so it may run where
/// waiting is out of the question, such as in a destructor. An answer that cannot be read is left:
/// the peer keeps what it lent until the connection ends.
void give_back(Peer& peer, rpc::Incoming::Kind kind, const Slice& body) noexcept;

/// The same for the references in a box.
void give_back_box(Peer& peer, Reader box) noexcept;

/// The same for what is left of a box whose reading has stopped.
void give_back_rest(Peer& peer, Reader box, const Reader& stopped_at) noexcept;

/// The same for the answer of a call of ours, if it has one.
inline void give_back_answer(Peer& peer, const rpc::Call& call) noexcept {
  if (call.outcome() == rpc::Call::Outcome::kReply) {
    give_back(peer, rpc::Incoming::Kind::kReply, call.body());
  }
}

}  // namespace sinew::python
