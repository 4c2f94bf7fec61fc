#pragma once

#include <cstddef>

#include "base/errc.h"
#include "base/reader.h"
#include "base/writer.h"
#include "wire/brine_decoder.h"
#include "wire/brine_encoder.h"
#include "wire/object_model.h"

namespace sinew::wire {

/// What a peer's values may cost us. The sizes need no limit of their own: every length and every
/// count is held against the bytes that really came before anything is allocated by it.
struct BrineLimits {
  std::size_t max_depth = 200;  ///< tuples, slices and frozen sets inside one another
};

/// Decodes the value at `in` and leaves the cursor behind it; what follows is the caller's, of
/// which `reserved` bytes are known to be needed: no count may claim them.
///
/// Fails with kTruncated (a count beyond the bytes that are left among it), kUnknownTag, kWrongType
/// (text, slice or frozen set around something else than it must be around), kTooDeep, kBadInteger,
/// kBadText, kModelFailed; the cursor is then inside the value that failed. Throws only what the
/// model's makers throw.
template <ObjectModel M>
Result<typename M::Handle> decode_brine(M& model, Reader& in, const BrineLimits& limits,
                                        std::size_t reserved = 0) {
  return detail::BrineDecoder<M>(model, in, limits.max_depth, reserved).run();
}

/// Appends `ref`'s brine to `out`. Text and bytes of at least kBorrowThreshold are borrowed, not
/// copied.
///
/// Fails with kNotDumpable when a value of Kind::kOther is anywhere inside (or something longer
/// than 32 bits can say), kTooDeep, kModelFailed, or what the model's text() and decimal() fail
/// with. What was written until then stays: the caller rewinds the Writer.
template <ObjectModel M>
Result<void> encode_brine(M& model, typename M::Ref ref, Writer& out, const BrineLimits& limits) {
  const Errc errc = detail::BrineEncoder<M>(model, out, limits.max_depth).encode(ref, 0);
  if (errc != Errc::kOk) [[unlikely]]
    return fail(errc);
  return {};
}

/// Whether `ref` has a by-value form, all that is in it included, no deeper than the limit. True
/// promises nothing about sizes, nor that a text can be had as UTF-8.
template <ObjectModel M>
bool dumpable(M& model, typename M::Ref ref, const BrineLimits& limits) {
  struct Check {
    M& model;
    std::size_t max_depth;

    bool value(typename M::Ref at, std::size_t depth) {
      switch (model.kind(at)) {
        case Kind::kTuple: return tuple(at, depth);
        case Kind::kSlice: return slice(at, depth);
        case Kind::kFrozenSet: {
          const typename M::Handle members = model.set_items(at);
          return members && tuple(model.ref(members), depth);
        }
        case Kind::kOther: return false;
        default: return true;
      }
    }
    bool tuple(typename M::Ref at, std::size_t depth) {
      if (depth >= max_depth) return false;
      const std::size_t count = model.tuple_size(at);
      for (std::size_t i = 0; i < count; ++i) {
        if (!value(model.tuple_item(at, i), depth + 1)) return false;
      }
      return true;
    }
    bool slice(typename M::Ref at, std::size_t depth) {
      return depth < max_depth && value(model.slice_part(at, 0), depth + 1) &&
             value(model.slice_part(at, 1), depth + 1) && value(model.slice_part(at, 2), depth + 1);
    }
  };
  return Check{model, limits.max_depth}.value(ref, 0);
}

}  // namespace sinew::wire
