#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/errc.h"
#include "sinew/value.hpp"
#include "wire/object_model.h"

namespace sinew::wire {

using sinew::Opaque;
using sinew::to_text;
using sinew::Value;

/// The ObjectModel of the C++ side: values are Value. Text is checked to be UTF-8 in both
/// directions; nothing else can fail but by std::bad_alloc.
///
/// threads: one; it has no state.
class ValueModel {
 public:
  using Handle = std::optional<Value>;
  using Ref = const Value*;

  class TupleBuilder {
   public:
    explicit TupleBuilder(std::size_t count) { items_.reserve(count); }
    void add(Handle&& item) { items_.push_back(*std::move(item)); }

   private:
    friend class ValueModel;
    std::vector<Value> items_;
  };

  Handle make_none() { return Value::none(); }
  Handle make_bool(bool value) { return Value(value); }
  Handle make_not_implemented() { return Value::not_implemented(); }
  Handle make_ellipsis() { return Value::ellipsis(); }
  Handle make_integer(std::int64_t value) { return Value(value); }
  Handle make_big_integer(std::string_view decimal) { return Value::from_decimal(decimal); }
  Handle make_real(double value) { return Value(value); }
  Handle make_complex(ComplexParts value) { return Value(value); }
  Handle make_text(ByteView utf8);
  Handle make_bytes(ByteView bytes) { return Value::bytes(bytes); }
  TupleBuilder begin_tuple(std::size_t count) { return TupleBuilder(count); }
  Handle end_tuple(TupleBuilder&& builder) { return Value::tuple(std::move(builder.items_)); }
  Handle make_slice(Handle&& start, Handle&& stop, Handle&& step) {
    return Value::slice(*std::move(start), *std::move(stop), *std::move(step));
  }
  Handle make_frozen_set(Handle&& tuple);

  Kind kind(Ref ref) const noexcept { return ref->kind(); }
  std::optional<std::int64_t> small_integer(Ref ref) const { return ref->integer(); }
  Result<void> decimal(Ref ref, std::string& text) const;
  double real(Ref ref) const { return ref->real(); }
  ComplexParts complex(Ref ref) const { return ref->complex(); }
  Result<ByteView> text(Ref ref) const;  // kBadText unless it is UTF-8
  ByteView bytes(Ref ref) const { return ref->bytes(); }
  std::shared_ptr<const void> owner(Ref ref) const noexcept { return ref->owner(); }
  std::size_t tuple_size(Ref ref) const noexcept { return ref->items().size(); }
  Ref tuple_item(Ref ref, std::size_t index) const noexcept { return &ref->items()[index]; }
  Ref slice_part(Ref ref, std::size_t index) const noexcept { return &ref->items()[index]; }
  Handle set_items(Ref ref) const;
  Ref ref(const Handle& handle) const noexcept { return &*handle; }
};

static_assert(ObjectModel<ValueModel>);

/// Whether `bytes` are well-formed UTF-8: no over-long forms, no surrogates, nothing beyond
/// U+10FFFF; what Python's strict decoder accepts.
bool is_utf8(ByteView bytes) noexcept;

}  // namespace sinew::wire
