#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/errc.h"
#include "base/writer.h"
#include "wire/brine_tokens.h"
#include "wire/object_model.h"

namespace sinew::wire::detail {

/// Encodes one value by recursion, at most max_depth deep. kOk says that all went well.
template <ObjectModel M>
class BrineEncoder {
 public:
  using Ref = typename M::Ref;

  BrineEncoder(M& model, Writer& out, std::size_t max_depth)
      : model_(model), out_(out), max_depth_(max_depth) {}

  Errc encode(Ref ref, std::size_t depth) {
    switch (model_.kind(ref)) {  // in order of frequency in real traffic
      case Kind::kText: return text(ref);
      case Kind::kInteger: return integer(ref);
      case Kind::kTuple: return tuple(ref, depth);
      case Kind::kNone: return tag(kTagNone);
      case Kind::kTrue: return tag(kTagTrue);
      case Kind::kFalse: return tag(kTagFalse);
      case Kind::kBytes: return content(model_.bytes(ref), ref);
      case Kind::kReal: write_real(out_, model_.real(ref)); return Errc::kOk;
      case Kind::kNotImplemented: return tag(kTagNotImplemented);
      case Kind::kEllipsis: return tag(kTagEllipsis);
      case Kind::kComplex: return complex(ref);
      case Kind::kSlice: return slice(ref, depth);
      case Kind::kFrozenSet: return frozen_set(ref, depth);
      case Kind::kOther: break;
    }
    return Errc::kNotDumpable;
  }

 private:
  Errc tag(std::uint8_t byte) {
    out_.put(byte);
    return Errc::kOk;
  }

  Errc text(Ref ref) {
    const auto utf8 = model_.text(ref);
    if (!utf8) [[unlikely]]
      return utf8.error();
    out_.put(kTagText);
    return content(*utf8, ref);
  }

  Errc content(ByteView bytes, Ref ref) {
    if (bytes.size() > kMaxLength) [[unlikely]]
      return Errc::kNotDumpable;
    write_bytes_header(out_, bytes.size());
    if (bytes.size() < kBorrowThreshold) [[likely]] {
      out_.append(bytes);
    } else {
      out_.borrow(bytes, model_.owner(ref));
    }
    return Errc::kOk;
  }

  Errc integer(Ref ref) {
    if (const std::optional<std::int64_t> small = model_.small_integer(ref)) [[likely]] {
      write_int(out_, *small);
      return Errc::kOk;
    }
    return big_integer(ref);
  }

  [[gnu::noinline]] Errc big_integer(Ref ref) {
    std::string decimal;
    const auto appended = model_.decimal(ref, decimal);
    if (!appended) [[unlikely]]
      return appended.error();
    if (decimal.size() > kMaxLength) [[unlikely]]
      return Errc::kNotDumpable;
    write_integer_text(out_, decimal);
    return Errc::kOk;
  }

  [[gnu::noinline]] Errc complex(Ref ref) {
    const ComplexParts parts = model_.complex(ref);
    out_.put(kTagComplex);
    out_.put_be64(std::bit_cast<std::uint64_t>(parts.real));
    out_.put_be64(std::bit_cast<std::uint64_t>(parts.imaginary));
    return Errc::kOk;
  }

  Errc tuple(Ref ref, std::size_t depth) {
    const std::size_t count = model_.tuple_size(ref);
    if (depth >= max_depth_) [[unlikely]]
      return Errc::kTooDeep;
    if (count > kMaxLength) [[unlikely]]
      return Errc::kNotDumpable;
    write_tuple_header(out_, count);
    for (std::size_t i = 0; i < count; ++i) {
      const Errc errc = encode(model_.tuple_item(ref, i), depth + 1);
      if (errc != Errc::kOk) [[unlikely]]
        return errc;
    }
    return Errc::kOk;
  }

  [[gnu::noinline]] Errc slice(Ref ref, std::size_t depth) {
    if (depth >= max_depth_) [[unlikely]]
      return Errc::kTooDeep;
    out_.put(kTagSlice);
    write_tuple_header(out_, 3);
    for (std::size_t i = 0; i < 3; ++i) {
      const Errc errc = encode(model_.slice_part(ref, i), depth + 1);
      if (errc != Errc::kOk) [[unlikely]]
        return errc;
    }
    return Errc::kOk;
  }

  [[gnu::noinline]] Errc frozen_set(Ref ref, std::size_t depth) {
    const typename M::Handle members = model_.set_items(ref);
    if (!members) [[unlikely]]
      return Errc::kModelFailed;
    out_.put(kTagFrozenSet);
    return tuple(model_.ref(members), depth);
  }

  M& model_;
  Writer& out_;
  const std::size_t max_depth_;
};

}  // namespace sinew::wire::detail
