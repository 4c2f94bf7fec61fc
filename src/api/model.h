#pragma once

#include <vector>

#include "api/peer.h"
#include "dialect/rpyc/boxing.h"
#include "wire/value.h"

namespace sinew::detail {

/// ValueModel with the references of one connection: what boxing works with.
///
/// threads: one.
class Model : public wire::ValueModel {
 public:
  /// `body`: what is read with it, if large bytes may stay there.
  explicit Model(Peer& peer, const Slice* body = nullptr) noexcept : peer_(peer), body_(body) {}

  Handle make_bytes(ByteView bytes) const;

  bool is_import(Ref value) const noexcept {
    const Import* const import = import_of(*value);
    return import != nullptr && import->peer.get() == &peer_;
  }
  void write_import_id(Ref value, Writer& out) const {
    dialect::rpyc::write_object_id(out, import_of(*value)->id.view());
  }
  Result<void> write_export_id(Ref value, Writer& out);
  Handle import_object(const object::ObjectIdView& id) const;
  Handle exported_object(const object::ObjectIdView& id) const;

  /// Takes back the exports of a message that is not going to be sent after all.
  void undo_exports() noexcept;
  /// The message is on its way, and with it the exports.
  void keep_exports() noexcept { sent_.clear(); }

 private:
  Peer& peer_;
  const Slice* const body_;
  std::vector<object::IdKey> sent_;  // exports of the message that is being written
};

}  // namespace sinew::detail
