#include "give_back.h"

#include "dialect/rpyc/protocol.h"
#include "dialect/rpyc/references.h"
#include "wire/rpyc_frame.h"

namespace sinew::python {
namespace {

using dialect::rpyc::Handler;
using dialect::rpyc::Label;

// A request to forget one sending of an object.
void write_release(Peer& peer, const object::ObjectIdView& id, Writer& out) {
  const std::size_t start = wire::begin_frame(out);
  wire::begin_message(out, peer.family(), wire::MessageKind::kRequest,
                      peer.connection().next_seq());
  wire::write_tuple_header(out, 2);
  wire::write_int(out, static_cast<std::int64_t>(Handler::kDel));
  dialect::rpyc::write_label(out, Label::kTuple);
  wire::write_tuple_header(out, 2);
  dialect::rpyc::write_label(out, Label::kLocalRef);
  dialect::rpyc::write_object_id(out, id);
  dialect::rpyc::write_label(out, Label::kValue);
  wire::write_int(out, 1);
  static_cast<void>(wire::end_frame(out, start));  // far below the largest frame
}

}  // namespace

void give_back(Peer& peer, rpc::Incoming::Kind kind, const Slice& body) noexcept {
  if (kind != rpc::Incoming::Kind::kReply || peer.connection().is_dead()) return;
  try {
    Writer out;
    Reader in(body.bytes());
    const auto write = [&](const object::ObjectIdView& id) { write_release(peer, id, out); };
    static_cast<void>(dialect::rpyc::for_each_import(in, peer.limits().brine.max_depth, write));
    if (out.total_size() == 0) return;
    peer.connection().cork(out);
    constexpr auto kSoon = std::chrono::milliseconds(10);
    peer.connection().flush_within(kSoon);
  } catch (const std::bad_alloc&) {
    return;  // the peer keeps what it lent until the connection ends
  }
}

}  // namespace sinew::python
