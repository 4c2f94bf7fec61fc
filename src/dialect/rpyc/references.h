#pragma once

#include "dialect/rpyc/boxing.h"

namespace sinew::dialect::rpyc {

/// Calls `visit(label, id)` for each reference in a box, in order. Values are passed over, not
/// made, and so is what stands behind a label that does not exist.
///
/// Fails as unbox() does on bytes that are no box, possibly after some visits.
template <class Visit>
Result<void> for_each_reference(Reader& in, std::size_t max_depth, Visit&& visit) {
  SINEW_TRY(wire::read_tuple_header_of(in, 2));
  SINEW_ASSIGN(const std::int64_t number, wire::read_int(in));
  const Label label = static_cast<Label>(number);
  switch (label) {
    case Label::kValue: break;
    case Label::kTuple: {
      if (max_depth == 0) return fail(Errc::kTooDeep);
      SINEW_ASSIGN(const std::size_t count, wire::read_tuple_header(in));
      for (std::size_t i = 0; i < count; ++i) {
        SINEW_TRY(for_each_reference(in, max_depth - 1, visit));
      }
      return {};
    }
    case Label::kLocalRef:
    case Label::kRemoteRef: {
      SINEW_ASSIGN(const object::ObjectIdView id, read_object_id(in));
      visit(label, id);
      return {};
    }
  }
  return wire::skip_value(in, max_depth);
}

/// Calls `visit(id)` for each reference that hands an object of the sender over. For whoever gives
/// back what nobody will look at.
template <class Visit>
Result<void> for_each_import(Reader& in, std::size_t max_depth, Visit&& visit) {
  return for_each_reference(in, max_depth, [&](Label label, const object::ObjectIdView& id) {
    if (label == Label::kRemoteRef) visit(id);
  });
}

/// Calls `visit(id)` for each reference to an object of the receiver. For whoever keeps those until
/// somebody looks at them.
template <class Visit>
Result<void> for_each_export(Reader& in, std::size_t max_depth, Visit&& visit) {
  return for_each_reference(in, max_depth, [&](Label label, const object::ObjectIdView& id) {
    if (label == Label::kLocalRef) visit(id);
  });
}

}  // namespace sinew::dialect::rpyc
