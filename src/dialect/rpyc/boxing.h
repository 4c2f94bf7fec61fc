#pragma once

#include <cstdint>

#include "base/reader.h"
#include "base/writer.h"
#include "dialect/rpyc/protocol.h"
#include "object/object_id.h"
#include "wire/brine.h"
#include "wire/brine_tokens.h"

namespace sinew::dialect::rpyc {

/// An object model that also has references: what boxing needs beyond the codec (source: RPyC
/// wire, docs/protocols/rpyc.md section 2.4).
template <class M>
concept ReferenceModel =
    wire::ObjectModel<M> &&
    requires(M& model, typename M::Ref ref, Writer& out, const object::ObjectIdView& id) {
      // True when `ref` is a proxy of this very connection: its object is the receiver's.
      { model.is_import(ref) } -> std::same_as<bool>;
      // Writes the id of the proxy's object.
      { model.write_import_id(ref, out) };
      // Counts one sending of our object and writes its id.
      { model.write_export_id(ref, out) } -> std::same_as<Result<void>>;
      // The proxy for an object of the peer. Empty on failure, the model keeps the reason.
      { model.import_object(id) } -> std::same_as<typename M::Handle>;
      // Our own object that the peer names. Empty when it does not hold it.
      { model.exported_object(id) } -> std::same_as<typename M::Handle>;
    };

/// Writes an id: a tuple of name, class number, instance number.
inline void write_object_id(Writer& out, const object::ObjectIdView& id) {
  wire::write_tuple_header(out, 3);
  wire::write_text(out, id.name);
  wire::write_int(out, id.class_id);
  wire::write_int(out, id.instance_id);
}

/// Reads an id. The name is borrowed from what the reader was made over.
inline Result<object::ObjectIdView> read_object_id(Reader& in) noexcept {
  SINEW_TRY(wire::read_tuple_header_of(in, 3));
  SINEW_ASSIGN(const std::string_view name, wire::read_text(in));
  SINEW_ASSIGN(const std::int64_t class_id, wire::read_int(in));
  SINEW_ASSIGN(const std::int64_t instance_id, wire::read_int(in));
  return object::ObjectIdView{name, class_id, instance_id};
}

/// Writes the label of a box; the boxed thing follows.
inline void write_label(Writer& out, Label label) {
  wire::write_tuple_header(out, 2);
  wire::write_int(out, static_cast<std::int64_t>(label));
}

/// Reads the label of a box. Fails with kUnknownLabel.
inline Result<Label> read_label(Reader& in) noexcept {
  SINEW_TRY(wire::read_tuple_header_of(in, 2));
  SINEW_ASSIGN(const std::int64_t label, wire::read_int(in));
  if (label < 1 || label > 4) return fail(Errc::kUnknownLabel);
  return static_cast<Label>(label);
}

/// Writes the box of a value that is known to be a reference.
template <ReferenceModel M>
Result<void> box_reference(M& model, typename M::Ref value, Writer& out) {
  if (model.is_import(value)) {
    write_label(out, Label::kLocalRef);
    model.write_import_id(value, out);
    return {};
  }
  write_label(out, Label::kRemoteRef);
  return model.write_export_id(value, out);
}

template <ReferenceModel M>
Result<void> box(M& model, typename M::Ref value, Writer& out, const wire::BrineLimits& limits,
                 std::size_t depth = 0);

/// Boxes a tuple that need not exist as one: `item_at(i)` is its i-th item. By value is simply
/// tried, and taken back when something inside has no by-value form: a walk in advance would cost
/// every call what few need.
template <ReferenceModel M, class ItemAt>
Result<void> box_items(M& model, std::size_t count, ItemAt item_at, Writer& out,
                       const wire::BrineLimits& limits, std::size_t depth = 0) {
  const auto write_values = [&]() -> Result<void> {
    write_label(out, Label::kValue);
    wire::write_tuple_header(out, count);
    for (std::size_t i = 0; i < count; ++i) {
      SINEW_TRY(wire::encode_brine(model, item_at(i), out, limits));
    }
    return {};
  };
  const Writer::Mark start = out.mark();
  const Result<void> encoded = write_values();
  if (encoded || encoded.error() != Errc::kNotDumpable) return encoded;
  out.rewind(start);
  if (depth >= limits.max_depth) return fail(Errc::kTooDeep);
  write_label(out, Label::kTuple);
  wire::write_tuple_header(out, count);
  for (std::size_t i = 0; i < count; ++i) {
    SINEW_TRY(box(model, item_at(i), out, limits, depth + 1));
  }
  return {};
}

/// Boxes a value: by value where its whole is, a tuple as a tuple of boxes where that helps, and as
/// a reference otherwise.
///
/// Fails as encode_brine() does, and with kTooManyExports; `out` is then to be rewound.
template <ReferenceModel M>
Result<void> box(M& model, typename M::Ref value, Writer& out, const wire::BrineLimits& limits,
                 std::size_t depth) {
  const wire::Kind kind = model.kind(value);
  if (kind == wire::Kind::kOther) return box_reference(model, value, out);
  if (kind == wire::Kind::kTuple) {
    const auto item_at = [&](std::size_t i) { return model.tuple_item(value, i); };
    return box_items(model, model.tuple_size(value), item_at, out, limits, depth);
  }
  const Writer::Mark start = out.mark();
  write_label(out, Label::kValue);
  auto encoded = wire::encode_brine(model, value, out, limits);
  if (encoded || encoded.error() != Errc::kNotDumpable) return encoded;
  out.rewind(start);  // a slice or a frozen set with something in it that has no by-value form
  return box_reference(model, value, out);
}

/// The fewest bytes that a box takes: the pair's tag, the label, the boxed thing.
inline constexpr std::size_t kLeastBox = 3;

namespace detail {

/// Unboxes one value by recursion, at most max_depth deep.
template <ReferenceModel M>
class Unboxer {
 public:
  using Handle = typename M::Handle;

  Unboxer(M& model, Reader& in, const wire::BrineLimits& limits, std::size_t reserved)
      : model_(model), in_(in), limits_(limits), reserved_(reserved) {}

  Result<Handle> unbox(std::size_t depth) {
    SINEW_ASSIGN(const Label label, read_label(in_));
    switch (label) {
      case Label::kValue: return wire::decode_brine(model_, in_, limits_, reserved_);
      case Label::kTuple: return tuple(depth);
      case Label::kLocalRef: {
        SINEW_ASSIGN(const object::ObjectIdView id, read_object_id(in_));
        auto object = model_.exported_object(id);
        if (!object) return fail(Errc::kUnknownObject);
        return object;
      }
      case Label::kRemoteRef: {
        SINEW_ASSIGN(const object::ObjectIdView id, read_object_id(in_));
        auto proxy = model_.import_object(id);
        if (!proxy) return fail(Errc::kModelFailed);
        return proxy;
      }
    }
    return fail(Errc::kUnknownLabel);
  }

 private:
  // What all open tuples have announced is held together against the bytes that are left, so that
  // one message's allocations are bounded by its size (as in BrineDecoder::may_enter()).
  Result<Handle> tuple(std::size_t depth) {
    if (depth >= limits_.max_depth) return fail(Errc::kTooDeep);
    SINEW_ASSIGN(const std::size_t count, wire::read_tuple_header(in_));
    reserved_ += count * kLeastBox;
    if (reserved_ > in_.remaining()) return fail(Errc::kTruncated);
    auto builder = model_.begin_tuple(count);
    for (std::size_t i = 0; i < count; ++i) {
      reserved_ -= kLeastBox;
      SINEW_ASSIGN(auto item, unbox(depth + 1));
      builder.add(std::move(item));
    }
    auto made = model_.end_tuple(std::move(builder));
    if (!made) return fail(Errc::kModelFailed);
    return made;
  }

  M& model_;
  Reader& in_;
  const wire::BrineLimits& limits_;
  std::size_t reserved_;  // bytes that boxes which have not begun need, of the caller's, too
};

}  // namespace detail

/// Unboxes a value. References to our own objects are looked up (kUnknownObject), references to
/// the peer's become proxies. `reserved` is as in decode_brine().
///
/// Fails as decode_brine() does, and with kUnknownLabel and kUnknownObject.
template <ReferenceModel M>
Result<typename M::Handle> unbox(M& model, Reader& in, const wire::BrineLimits& limits,
                                 std::size_t reserved = 0) {
  return detail::Unboxer<M>(model, in, limits, reserved).unbox(0);
}

/// Reads the items of a boxed tuple one by one, without making the tuple: the arguments of a
/// request. Stock peers box a tuple by value when all of it is, and as a tuple of boxes otherwise;
/// both look the same from here.
///
/// threads: one.
class ItemReader {
 public:
  /// Starts reading the boxed tuple at `in`. Fails with kWrongType when it is something else.
  static Result<ItemReader> of_box(Reader& in) noexcept { return of_box(in, 0); }

  /// Items that have not been read.
  std::size_t remaining() const noexcept { return remaining_; }

  /// The next item. Fails with kTruncated when there is none, else as unbox() does.
  template <ReferenceModel M>
  Result<typename M::Handle> next(M& model, const wire::BrineLimits& limits) {
    if (remaining_ == 0) return fail(Errc::kTruncated);
    --remaining_;
    return boxed_ ? unbox(model, *in_, limits, reserved())
                  : wire::decode_brine(model, *in_, limits, reserved());
  }

  /// The next item, which must be a tuple, as a reader of its items; read them all before the next
  /// of this one's.
  Result<ItemReader> next_items() noexcept {
    if (remaining_ == 0) return fail(Errc::kTruncated);
    --remaining_;
    return boxed_ ? of_box(*in_, reserved()) : of_tuple(*in_, false, reserved());
  }

  /// The next item as text or a number, without making it. Fails with kWrongType.
  Result<std::string_view> next_text() noexcept {
    SINEW_TRY(enter_value());
    return wire::read_text(*in_);
  }
  Result<std::int64_t> next_int() noexcept {
    SINEW_TRY(enter_value());
    return wire::read_int(*in_);
  }

  /// The next item, which must be an id by value (INSPECT) or a reference to one of our objects
  /// (DEL), as the id.
  Result<object::ObjectIdView> next_id() noexcept {
    if (remaining_ == 0) return fail(Errc::kTruncated);
    --remaining_;
    if (boxed_) SINEW_TRY(read_label(*in_));
    return read_object_id(*in_);
  }

 private:
  ItemReader(Reader& in, std::size_t count, bool boxed, std::size_t reserved) noexcept
      : in_(&in), remaining_(count), reserved_outside_(reserved), boxed_(boxed) {}

  static Result<ItemReader> of_box(Reader& in, std::size_t reserved) noexcept {
    SINEW_ASSIGN(const Label label, read_label(in));
    if (label != Label::kValue && label != Label::kTuple) return fail(Errc::kWrongType);
    return of_tuple(in, label == Label::kTuple, reserved);
  }

  static Result<ItemReader> of_tuple(Reader& in, bool boxed, std::size_t reserved) noexcept {
    SINEW_ASSIGN(const std::size_t count, wire::read_tuple_header(in));
    return ItemReader(in, count, boxed, reserved);
  }

  // Bytes that the items which have not begun need.
  std::size_t reserved() const noexcept {
    return reserved_outside_ + remaining_ * (boxed_ ? kLeastBox : 1);
  }

  Result<void> enter_value() noexcept {
    if (remaining_ == 0) return fail(Errc::kTruncated);
    --remaining_;
    if (!boxed_) return {};
    SINEW_ASSIGN(const Label label, read_label(*in_));
    if (label != Label::kValue) return fail(Errc::kWrongType);
    return {};
  }

  Reader* in_;
  std::size_t remaining_;
  std::size_t reserved_outside_;  // by the reader of what this one is an item of
  bool boxed_;
};

}  // namespace sinew::dialect::rpyc
