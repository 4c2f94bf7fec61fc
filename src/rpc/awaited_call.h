#pragma once

#include "rpc/connection.h"

namespace sinew::rpc {

/// A call that lives as long as somebody waits for it, on his stack. `Peer` has connection(), and
/// answer_taken(Call&), which it is told last.
///
/// threads: as Call.
template <class Peer>
class AwaitedCall final : public Call {
 public:
  AwaitedCall(Peer& peer, std::int64_t seq) noexcept : Call(seq), peer_(peer) {}
  ~AwaitedCall() {
    if (!done()) peer_.connection().forget(*this);
    peer_.answer_taken(*this);
  }

 private:
  Peer& peer_;
};

}  // namespace sinew::rpc
