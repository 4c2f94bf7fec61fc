#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/errc.h"
#include "base/reader.h"
#include "wire/brine_tokens.h"
#include "wire/object_model.h"

namespace sinew::wire::detail {

/// Decodes one value by recursion, at most max_depth deep. An empty handle says that error_ is set.
template <ObjectModel M>
class BrineDecoder {
 public:
  using Handle = typename M::Handle;

  BrineDecoder(M& model, Reader& in, std::size_t max_depth, std::size_t reserved)
      : model_(model), in_(in), max_depth_(max_depth), announced_(reserved) {}

  Result<Handle> run() {
    Handle value = decode(0);
    if (error_ != Errc::kOk) [[unlikely]]
      return fail(error_);
    return value;
  }

 private:
  Handle decode(std::size_t depth) {
    const auto tag = in_.take();
    if (!tag) [[unlikely]]
      return failed(tag.error());
    if (is_immediate(*tag)) return made(model_.make_integer(*tag - kImmediateBias));
    switch (*tag) {  // in order of frequency in real traffic
      case kTagText: return text();
      case kTagIntegerL1: return integer(*tag);
      case kTagTuple1:
      case kTagTuple1 + 1:
      case kTagTuple1 + 2:
      case kTagTuple4:
      case kTagTupleL1:
      case kTagTupleL4:
      case kTagEmptyTuple: return tuple(*tag, depth);
      case kTagNone: return made(model_.make_none());
      case kTagTrue: return made(model_.make_bool(true));
      case kTagFalse: return made(model_.make_bool(false));
      case kTagReal: return real();
      case kTagEmptyBytes:
      case kTagBytes1:
      case kTagBytes1 + 1:
      case kTagBytes1 + 2:
      case kTagBytes4:
      case kTagBytesL1:
      case kTagBytesL4: return bytes(*tag);
      default: return rare(*tag, depth);
    }
  }

  // Out of line, so that decode()'s frame, of which there may be max_depth, stays small.
  [[gnu::noinline]] Handle rare(std::uint8_t tag, std::size_t depth) {
    switch (tag) {
      case kTagIntegerL4:
      case kTagLong: return integer(tag);
      case kTagNotImplemented: return made(model_.make_not_implemented());
      case kTagEllipsis: return made(model_.make_ellipsis());
      case kTagComplex: return complex();
      case kTagSlice: return slice(depth);
      case kTagFrozenSet: return frozen_set(depth);
      default: return failed(Errc::kUnknownTag);
    }
  }

  Handle text() {
    const auto utf8 = read_bytes(in_);
    if (!utf8) [[unlikely]]
      return failed(utf8.error());
    Handle made_text = model_.make_text(*utf8);
    if (!made_text) [[unlikely]]
      error_ = Errc::kBadText;
    return made_text;
  }

  Handle bytes(std::uint8_t tag) {
    const auto content = read_bytes_of(in_, tag);
    if (!content) [[unlikely]]
      return failed(content.error());
    return made(model_.make_bytes(*content));
  }

  Handle integer(std::uint8_t tag) {
    const auto number = read_integer_text(in_, tag);
    if (!number) [[unlikely]]
      return failed(number.error());
    if (number->fits) [[likely]]
      return made(model_.make_integer(number->value));
    return made(model_.make_big_integer(number->text));
  }

  Handle real() {
    const auto bits = in_.take_be64();
    if (!bits) [[unlikely]]
      return failed(bits.error());
    return made(model_.make_real(std::bit_cast<double>(*bits)));
  }

  [[gnu::noinline]] Handle complex() {
    const auto first = in_.take_be64();
    const auto second = in_.take_be64();
    if (!first || !second) [[unlikely]]
      return failed(Errc::kTruncated);
    return made(model_.make_complex(
        ComplexParts{std::bit_cast<double>(*first), std::bit_cast<double>(*second)}));
  }

  [[gnu::noinline]] Handle tuple(std::uint8_t tag, std::size_t depth) {
    const auto count = read_tuple_count(in_, tag);
    if (!count) [[unlikely]]
      return failed(count.error());
    if (!may_enter(*count, depth)) [[unlikely]]
      return Handle{};
    typename M::TupleBuilder builder = model_.begin_tuple(*count);
    announced_ += *count;
    for (std::size_t i = 0; i < *count; ++i) {
      --announced_;
      Handle item = decode(depth + 1);
      if (!item) [[unlikely]]
        return item;
      builder.add(std::move(item));
    }
    return made(model_.end_tuple(std::move(builder)));
  }

  // Every item that this tuple and those around it have announced needs a byte of its own. Holding
  // them together against what is left bounds all the allocations of one message by its size; a
  // check of each tuple by itself would let nested ones claim the same bytes max_depth times.
  bool may_enter(std::size_t count, std::size_t depth) noexcept {
    if (depth >= max_depth_) [[unlikely]] {
      error_ = Errc::kTooDeep;
    } else if (announced_ + count > in_.remaining()) [[unlikely]] {
      error_ = Errc::kTruncated;
    }
    return error_ == Errc::kOk;
  }

  [[gnu::noinline]] Handle slice(std::size_t depth) {
    const auto header = read_tuple_header_of(in_, 3);
    if (!header) [[unlikely]]
      return failed(header.error());
    if (!may_enter(3, depth)) [[unlikely]]
      return Handle{};
    Handle parts[3];
    announced_ += 3;
    for (Handle& part : parts) {
      --announced_;
      part = decode(depth + 1);
      if (!part) [[unlikely]]
        return Handle{};
    }
    return made(model_.make_slice(std::move(parts[0]), std::move(parts[1]), std::move(parts[2])));
  }

  [[gnu::noinline]] Handle frozen_set(std::size_t depth) {
    const auto tag = in_.take();
    if (!tag) [[unlikely]]
      return failed(tag.error());
    if (!is_tuple(*tag)) [[unlikely]]
      return failed(unwanted(*tag));
    Handle members = tuple(*tag, depth);
    if (!members) [[unlikely]]
      return members;
    return made(model_.make_frozen_set(std::move(members)));
  }

  Handle failed(Errc errc) {
    error_ = errc;
    return Handle{};
  }

  Handle made(Handle handle) {
    if (!handle) [[unlikely]]
      error_ = Errc::kModelFailed;
    return handle;
  }

  M& model_;
  Reader& in_;
  const std::size_t max_depth_;
  std::size_t announced_;  // items that have not begun: of the open tuples, and of the caller's
  Errc error_ = Errc::kOk;
};

}  // namespace sinew::wire::detail
