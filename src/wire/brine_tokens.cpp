#include "wire/brine_tokens.h"

#include <bit>
#include <vector>

namespace sinew::wire {
namespace {

/// What one value is made of, as far as stepping over it goes.
struct Step {
  std::size_t items = 0;   // values that follow, inside
  bool container = false;  // whether they are one level deeper
};

/// Takes one token: a scalar whole, a container's header. A slice or frozen set is taken together
/// with the header of the tuple behind it, so that both are one level.
Result<Step> step_into(Reader& in) noexcept {
  SINEW_ASSIGN(std::uint8_t tag, in.take());
  if (is_immediate(tag)) return Step{};
  if (tag == kTagSlice || tag == kTagFrozenSet) {
    SINEW_ASSIGN(const std::size_t items, read_tuple_header(in));
    if (tag == kTagSlice && items != 3) return fail(Errc::kWrongType);
    return Step{items, true};
  }
  if (is_tuple(tag)) {
    SINEW_ASSIGN(const std::size_t items, read_tuple_count(in, tag));
    return Step{items, true};
  }
  if (tag == kTagText) {
    SINEW_TRY(read_bytes(in));
    return Step{};
  }
  if (is_bytes(tag)) {
    SINEW_TRY(read_bytes_of(in, tag));
    return Step{};
  }
  switch (tag) {
    case kTagNone:
    case kTagTrue:
    case kTagFalse:
    case kTagNotImplemented:
    case kTagEllipsis: return Step{};
    case kTagReal: SINEW_TRY(in.take(8)); return Step{};
    case kTagComplex: SINEW_TRY(in.take(16)); return Step{};
    case kTagIntegerL1:
    case kTagIntegerL4:
    case kTagLong: SINEW_TRY(read_integer_text(in, tag)); return Step{};
    default: return fail(Errc::kUnknownTag);
  }
}

}  // namespace

Errc unwanted(std::uint8_t tag) noexcept {
  const bool undefined =
      tag == 0x07 || (tag > kTagComplex && tag < kTagImmediateFirst) || tag > kTagImmediateLast;
  return undefined ? Errc::kUnknownTag : Errc::kWrongType;
}

Result<IntegerText> read_integer_text(Reader& in, std::uint8_t tag) noexcept {
  if (tag == kTagLong) [[unlikely]] {
    SINEW_ASSIGN(tag, in.take());
    if (is_immediate(tag)) return IntegerText{{}, tag - kImmediateBias, true};
  }
  std::size_t size = 0;
  if (tag == kTagIntegerL1) [[likely]] {
    const auto length = in.take();
    if (!length) [[unlikely]]
      return fail(length.error());
    size = *length;
  } else if (tag == kTagIntegerL4) {
    SINEW_ASSIGN(size, in.take_be32());
  } else {
    return fail(unwanted(tag));
  }
  const auto text = in.take(size);
  if (!text) [[unlikely]]
    return fail(text.error());
  return parse_decimal(as_text(*text));
}

Result<void> skip_value(Reader& in, std::size_t max_depth) {
  // Of each open container: how many values are still to come in it. A container that is the last
  // of its own container takes that one's place, so neither a flat tuple nor a chain allocates.
  struct Open {
    std::size_t items;
    std::size_t depth;
  };
  std::vector<Open> outer;
  std::size_t announced = 0;  // the sum of all the items, held against the bytes that are left
  Open current{1, 0};
  for (;;) {
    SINEW_ASSIGN(const Step step, step_into(in));
    --current.items;
    if (step.container) {
      announced += step.items;
      if (current.depth >= max_depth) return fail(Errc::kTooDeep);
      if (announced > in.remaining()) return fail(Errc::kTruncated);
      if (step.items > 0) {
        if (current.items > 0) outer.push_back(current);
        current = {step.items, current.depth + 1};
        --announced;
        continue;
      }
    }
    while (current.items == 0) {
      if (outer.empty()) return {};
      current = outer.back();
      outer.pop_back();
    }
    --announced;
  }
}

void write_integer_text(Writer& out, std::string_view decimal) {
  if (decimal.size() < 256) {
    std::uint8_t* at = out.extend(2);
    at[0] = kTagIntegerL1;
    at[1] = static_cast<std::uint8_t>(decimal.size());
  } else {
    std::uint8_t* at = out.extend(5);
    at[0] = kTagIntegerL4;
    store_be32(at + 1, static_cast<std::uint32_t>(decimal.size()));
  }
  out.append(as_bytes(decimal));
}

void write_real(Writer& out, double value) {
  std::uint8_t* at = out.extend(9);
  at[0] = kTagReal;
  store_be64(at + 1, std::bit_cast<std::uint64_t>(value));
}

namespace detail {

Result<std::size_t> read_tuple_count_slow(Reader& in, std::uint8_t tag) noexcept {
  switch (tag) {
    case kTagEmptyTuple: return std::size_t{0};
    case kTagTupleL1: return in.take();
    case kTagTupleL4: return in.take_be32();
    default: break;
  }
  if (is_tuple(tag)) return std::size_t{tag} - kTagTuple1 + 1;
  return fail(unwanted(tag));
}

Result<std::size_t> read_tuple_header_slow(Reader& in) noexcept {
  SINEW_ASSIGN(const std::uint8_t tag, in.take());
  SINEW_ASSIGN(const std::size_t count, read_tuple_count(in, tag));
  if (count > in.remaining()) [[unlikely]]
    return fail(Errc::kTruncated);
  return count;
}

Result<std::int64_t> read_int_slow(Reader& in) noexcept {
  SINEW_ASSIGN(const std::uint8_t tag, in.take());
  const auto number = read_integer_text(in, tag);
  if (!number) [[unlikely]]
    return fail(number.error());
  if (!number->fits) [[unlikely]]
    return fail(Errc::kTooLong);
  return number->value;
}

Result<ByteView> read_bytes_slow(Reader& in, std::uint8_t tag) noexcept {
  switch (tag) {
    case kTagEmptyBytes: return ByteView{};
    case kTagBytesL1: {
      SINEW_ASSIGN(const std::uint8_t size, in.take());
      return in.take(std::size_t{size});
    }
    case kTagBytesL4: {
      SINEW_ASSIGN(const std::uint32_t size, in.take_be32());
      return in.take(std::size_t{size});
    }
    default: break;
  }
  if (is_bytes(tag)) return in.take(std::size_t{tag} - kTagBytes1 + 1);
  return fail(unwanted(tag));
}

}  // namespace detail
}  // namespace sinew::wire
