#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/errc.h"
#include "sinew/value.hpp"

namespace sinew::wire {

using Kind = sinew::ValueKind;
using sinew::ComplexParts;

/// Text and bytes of at least this size are sent from where they are instead of being copied into
/// the message: the codecs ask the model for their owner() and hand both to Writer::borrow().
inline constexpr std::size_t kBorrowThreshold = 32 * 1024;

/// The one seam between the codecs and the values they carry: codecs are templates over a model,
/// so that the same code encodes C++ values (wire::ValueModel) and Python objects
/// (python::Model) without a tree in between.
///
/// `Handle` owns a value, is movable, and its default state is empty (`!handle`). `Ref` borrows
/// one, cheap to copy. A maker that cannot make its value returns an empty handle, and the codec
/// fails with Errc::kModelFailed; the model keeps the reason (Python: the error indicator). The
/// one exception is make_text(): an empty handle from it is Errc::kBadText.
///
/// A model object is used by one thread at a time. The Python model needs the GIL held.
template <class M>
concept ObjectModel = requires(M& model, typename M::Ref ref, typename M::Handle handle,
                               typename M::TupleBuilder& builder, std::size_t index,
                               std::string& text, ByteView bytes) {
  requires std::movable<typename M::Handle>;
  requires std::default_initializable<typename M::Handle>;

  // Making values (decoding).
  { model.make_none() } -> std::same_as<typename M::Handle>;
  { model.make_bool(true) } -> std::same_as<typename M::Handle>;
  { model.make_not_implemented() } -> std::same_as<typename M::Handle>;
  { model.make_ellipsis() } -> std::same_as<typename M::Handle>;
  { model.make_integer(std::int64_t{}) } -> std::same_as<typename M::Handle>;
  // An optional '-' and digits, checked by the codec, too long for 64 bits.
  { model.make_big_integer(std::string_view{}) } -> std::same_as<typename M::Handle>;
  { model.make_real(double{}) } -> std::same_as<typename M::Handle>;
  { model.make_complex(ComplexParts{}) } -> std::same_as<typename M::Handle>;
  // UTF-8, not yet checked: that is the model's work.
  { model.make_text(bytes) } -> std::same_as<typename M::Handle>;
  { model.make_bytes(bytes) } -> std::same_as<typename M::Handle>;
  { model.begin_tuple(index) } -> std::same_as<typename M::TupleBuilder>;
  { builder.add(std::move(handle)) };
  { model.end_tuple(std::move(builder)) } -> std::same_as<typename M::Handle>;
  {
    model.make_slice(std::move(handle), std::move(handle), std::move(handle))
  } -> std::same_as<typename M::Handle>;
  { model.make_frozen_set(std::move(handle)) } -> std::same_as<typename M::Handle>;  // of a tuple

  // Reading values (encoding). Each accessor is called only for the kind it is for.
  { model.kind(ref) } -> std::same_as<Kind>;
  { model.small_integer(ref) } -> std::same_as<std::optional<std::int64_t>>;
  { model.decimal(ref, text) } -> std::same_as<Result<void>>;  // any integer, appended to text
  { model.real(ref) } -> std::same_as<double>;
  { model.complex(ref) } -> std::same_as<ComplexParts>;
  { model.text(ref) } -> std::same_as<Result<ByteView>>;  // UTF-8, borrowed from the value
  { model.bytes(ref) } -> std::same_as<ByteView>;         // borrowed from the value
  // Keeps text() or bytes() where they are; called for kBorrowThreshold bytes and more only.
  { model.owner(ref) } -> std::same_as<std::shared_ptr<const void>>;
  { model.tuple_size(ref) } -> std::same_as<std::size_t>;
  { model.tuple_item(ref, index) } -> std::same_as<typename M::Ref>;
  // The three parts of a slice, index 0 to 2: start, stop, step. Borrowed from the slice.
  { model.slice_part(ref, index) } -> std::same_as<typename M::Ref>;
  // The members of a frozen set as a tuple, in iteration order.
  { model.set_items(ref) } -> std::same_as<typename M::Handle>;
  { model.ref(handle) } -> std::same_as<typename M::Ref>;
};

}  // namespace sinew::wire
