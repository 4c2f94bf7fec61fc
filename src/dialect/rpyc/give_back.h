#pragma once

#include <limits>
#include <new>

#include "dialect/rpyc/references.h"
#include "rpc/connection.h"

namespace sinew::dialect::rpyc {

/// Gives back the references in a box that nobody will look at: of a request that is refused, or of
/// an answer whose caller gave up. With `unread`, only those that lie in the last so many bytes:
/// who read the box stopped there. Makes no proxies and asks the peer nothing, so it may run where
/// waiting is out of the question, such as in a destructor. What cannot be read is left: the peer
/// keeps what it lent until the connection ends.
///
/// `Peer` has connection() and release_writer().
template <class Peer>
void give_back_box(Peer& peer, Reader box, std::size_t max_depth,
                   std::size_t unread = std::numeric_limits<std::size_t>::max()) noexcept {
  constexpr auto kSoon = std::chrono::milliseconds(10);
  if (peer.connection().is_dead()) return;
  try {
    auto writer = peer.release_writer();
    static_cast<void>(for_each_import(box, max_depth, [&](const object::ObjectIdView& id) {
      if (box.remaining() >= unread) return;
      writer.add(1, [&](Writer& out) { write_object_id(out, id); });
    }));
    const Writer& out = writer.finish();
    if (out.total_size() == 0) return;
    peer.connection().cork(out);
    peer.connection().flush_within(kSoon);
  } catch (const std::bad_alloc&) {
    return;  // as of a box that cannot be read
  }
}

}  // namespace sinew::dialect::rpyc
