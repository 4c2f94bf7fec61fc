#include "give_back.h"

#include "dialect/rpyc/references.h"

namespace sinew::python {
void give_back(Peer& peer, rpc::Incoming::Kind kind, const Slice& body) noexcept {
  if (kind == rpc::Incoming::Kind::kReply) give_back_box(peer, Reader(body.bytes()));
}

void give_back_box(Peer& peer, Reader box) noexcept {
  if (peer.connection().is_dead()) return;
  try {
    auto writer = peer.release_writer();
    static_cast<void>(dialect::rpyc::for_each_import(
        box, peer.limits().brine.max_depth, [&](const object::ObjectIdView& id) {
          writer.add(1, [&](Writer& out) { dialect::rpyc::write_object_id(out, id); });
        }));
    const Writer& out = writer.finish();
    if (out.total_size() == 0) return;
    peer.connection().cork(out);
    constexpr auto kSoon = std::chrono::milliseconds(10);
    peer.connection().flush_within(kSoon);
  } catch (const std::bad_alloc&) {
    return;  // the peer keeps what it lent until the connection ends
  }
}

}  // namespace sinew::python
