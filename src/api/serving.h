#pragma once

#include "api/peer.h"

namespace sinew::detail {

/// A request of the peer's that this thread serves.
///
/// threads: one, on its stack.
class Serving {
 public:
  Serving(Peer& peer, const rpc::Incoming& request) noexcept;
  ~Serving();
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  Peer& peer() const noexcept { return peer_; }
  std::int64_t seq() const noexcept { return seq_; }
  Deadline deadline() const noexcept { return deadline_; }
  std::size_t depth() const noexcept { return depth_; }

  /// What this thread serves now; null: nothing.
  static Serving* innermost() noexcept;

 private:
  Peer& peer_;
  const std::int64_t seq_;
  const Deadline deadline_;
  Serving* const outer_;
  const std::size_t depth_;
};

}  // namespace sinew::detail
