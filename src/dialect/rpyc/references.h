#pragma once

#include "dialect/rpyc/boxing.h"

namespace sinew::dialect::rpyc {

/// Calls `visit(id)` for each reference in a box that hands an object of its sender over, in order.
/// Values are passed over, not made. For whoever gives back what nobody will look at.
///
/// Fails as unbox() does on bytes that are no box, possibly after some visits.
template <class Visit>
Result<void> for_each_import(Reader& in, std::size_t max_depth, Visit&& visit) {
  SINEW_ASSIGN(const Label label, read_label(in));
  switch (label) {
    case Label::kValue: return wire::skip_value(in, max_depth);
    case Label::kTuple: {
      if (max_depth == 0) return fail(Errc::kTooDeep);
      SINEW_ASSIGN(const std::size_t count, wire::read_tuple_header(in));
      for (std::size_t i = 0; i < count; ++i) {
        SINEW_TRY(for_each_import(in, max_depth - 1, visit));
      }
      return {};
    }
    case Label::kLocalRef: {
      SINEW_TRY(read_object_id(in));
      return {};
    }
    case Label::kRemoteRef: {
      SINEW_ASSIGN(const object::ObjectIdView id, read_object_id(in));
      visit(id);
      return {};
    }
  }
  return fail(Errc::kUnknownLabel);
}

}  // namespace sinew::dialect::rpyc
