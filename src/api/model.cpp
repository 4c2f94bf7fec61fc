#include "api/model.h"

#include "api/forwarder.h"

namespace sinew::detail {

Value reference_to(std::shared_ptr<Servant> servant) {
  return Opaque{.id = kServant, .object = std::move(servant)};
}

// What neither is the peer's nor ours is another peer's: we stand in for it.
Result<void> Model::write_export_id(Ref value, Writer& out) {
  const Opaque& opaque = value->opaque();
  const auto servant = opaque.id == kServant
                           ? std::static_pointer_cast<Servant>(opaque.object)
                           : forwarder_for(std::static_pointer_cast<Import>(opaque.object));
  return peer_.write_export_id(servant, out, sent_);
}

Model::Handle Model::import_object(const object::ObjectIdView& id) const {
  return Value(Opaque{.id = kImport, .object = peer_.import_object(id)});
}

Model::Handle Model::exported_object(const object::ObjectIdView& id) const {
  std::shared_ptr<Servant> servant = peer_.exported_object(id);
  if (!servant) return std::nullopt;
  if (const auto* const forwarder = dynamic_cast<const Forwarder*>(servant.get())) {
    return forwarder->target();
  }
  return reference_to(std::move(servant));
}

// What is most of its message stays in it; a small part would keep the whole.
Model::Handle Model::make_bytes(ByteView bytes) const {
  constexpr std::size_t kLarge = 64 * 1024;
  if (body_ == nullptr || bytes.size() < kLarge || bytes.size() < body_->size() / 2) {
    return Value::bytes(bytes);
  }
  return Value::bytes(bytes, std::make_shared<const Slice>(*body_));
}

void Model::undo_exports() noexcept {
  for (const object::IdKey& key : sent_) {
    static_cast<void>(peer_.release_export({{}, key.class_id, key.instance_id}, 1));
  }
  sent_.clear();
}

}  // namespace sinew::detail
