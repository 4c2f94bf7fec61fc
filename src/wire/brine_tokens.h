#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/bytes.h"
#include "base/errc.h"
#include "base/reader.h"
#include "base/writer.h"
#include "wire/brine_decimal.h"

namespace sinew::wire {

/// The token level of brine, RPyC's by-value format (source: RPyC wire, docs/protocols/rpyc.md
/// section 2.3). It knows bytes and no object model: message headers, boxes and ids are read and
/// written with it directly; whole values go through brine.h.
///
/// The writers always pick the shortest form, as stock peers do. The readers also accept the
/// over-long forms (`0e 01 61`, `16 01 35`), as stock peers do, but unlike those they are strict
/// on truncation and on the text of integers.
///
/// threads: one for a given Reader or Writer. Readers fail by Result<T>; the cursor of the Reader
/// is then somewhere inside the value that failed. Writers fail only by std::bad_alloc.

/// The type tags. What is not listed (07, 1c-1f, f0-ff) is undefined.
enum Tag : std::uint8_t {
  kTagNone = 0x00,
  kTagEmptyBytes = 0x01,
  kTagEmptyTuple = 0x02,
  kTagTrue = 0x03,
  kTagFalse = 0x04,
  kTagNotImplemented = 0x05,
  kTagEllipsis = 0x06,
  kTagText = 0x08,    ///< a bytes value with the UTF-8 follows
  kTagLong = 0x09,    ///< families A and B up to 4.x: an integer value follows; never written
  kTagBytes1 = 0x0a,  ///< 0a to 0d: one to four bytes
  kTagBytes4 = 0x0d,
  kTagBytesL1 = 0x0e,  ///< u8 length
  kTagBytesL4 = 0x0f,  ///< u32 length
  kTagTuple1 = 0x10,   ///< 10 to 13: one to four items
  kTagTuple4 = 0x13,
  kTagTupleL1 = 0x14,         ///< u8 count
  kTagTupleL4 = 0x15,         ///< u32 count
  kTagIntegerL1 = 0x16,       ///< u8 length, then ASCII decimal
  kTagIntegerL4 = 0x17,       ///< u32 length, then ASCII decimal
  kTagReal = 0x18,            ///< 8 bytes IEEE, big-endian
  kTagSlice = 0x19,           ///< a tuple value (start, stop, step) follows
  kTagFrozenSet = 0x1a,       ///< a tuple value with the members follows
  kTagComplex = 0x1b,         ///< two 8-byte reals
  kTagImmediateFirst = 0x20,  ///< 20 to ef: the integers -48 to 159
  kTagImmediateLast = 0xef,
};

/// An immediate integer is its tag byte less this.
inline constexpr int kImmediateBias = 0x50;
inline constexpr std::int64_t kImmediateMin = kTagImmediateFirst - kImmediateBias;
inline constexpr std::int64_t kImmediateMax = kTagImmediateLast - kImmediateBias;

/// The longest payload or the largest count that a length field can hold. The writers below
/// require it of their callers; encode_brine() checks it.
inline constexpr std::size_t kMaxLength = std::numeric_limits<std::uint32_t>::max();

// What the next value is. An empty reader answers false.

constexpr bool is_immediate(std::uint8_t tag) noexcept {
  return static_cast<std::uint8_t>(tag - kTagImmediateFirst) <=
         kTagImmediateLast - kTagImmediateFirst;
}
constexpr bool is_tuple(std::uint8_t tag) noexcept {
  return tag == kTagEmptyTuple || (tag >= kTagTuple1 && tag <= kTagTupleL4);
}
constexpr bool is_bytes(std::uint8_t tag) noexcept {
  return tag == kTagEmptyBytes || (tag >= kTagBytes1 && tag <= kTagBytesL4);
}
constexpr bool is_int(std::uint8_t tag) noexcept {
  return is_immediate(tag) || tag == kTagIntegerL1 || tag == kTagIntegerL4 || tag == kTagLong;
}
inline bool next_is(const Reader& in, std::uint8_t tag) noexcept {
  return !in.empty() && in.peek() == tag;
}
inline bool next_is_none(const Reader& in) noexcept { return next_is(in, kTagNone); }
inline bool next_is_text(const Reader& in) noexcept { return next_is(in, kTagText); }
inline bool next_is_tuple(const Reader& in) noexcept { return !in.empty() && is_tuple(in.peek()); }
inline bool next_is_bytes(const Reader& in) noexcept { return !in.empty() && is_bytes(in.peek()); }
inline bool next_is_int(const Reader& in) noexcept { return !in.empty() && is_int(in.peek()); }

// Readers. A value of another type is kWrongType, an undefined tag kUnknownTag.

namespace detail {
Result<std::size_t> read_tuple_header_slow(Reader& in) noexcept;
Result<std::size_t> read_tuple_count_slow(Reader& in, std::uint8_t tag) noexcept;
Result<std::int64_t> read_int_slow(Reader& in) noexcept;
Result<ByteView> read_bytes_slow(Reader& in, std::uint8_t tag) noexcept;
}  // namespace detail

/// What to say of `tag` where it is not wanted: kUnknownTag or kWrongType.
Errc unwanted(std::uint8_t tag) noexcept;

/// The integer behind a decimal `tag` (16, 17, or 09 in front of any integer) that has been taken.
/// Fails with kBadInteger for anything but an optional '-' and digits.
Result<IntegerText> read_integer_text(Reader& in, std::uint8_t tag) noexcept;

/// The count of the tuple whose `tag` has been taken, as announced: nobody has checked it against
/// what is left. For read_tuple_header() and the decoder, which do.
inline Result<std::size_t> read_tuple_count(Reader& in, std::uint8_t tag) noexcept {
  const std::size_t small = std::size_t{tag} - kTagTuple1;
  if (small < 4) [[likely]]
    return small + 1;
  return detail::read_tuple_count_slow(in, tag);
}

/// Takes a tuple's header and returns the number of items that follow. The count is checked
/// against the bytes that are left (an item needs at least one), so a caller may allocate by it.
/// Fails with kTruncated beyond that.
inline Result<std::size_t> read_tuple_header(Reader& in) noexcept {
  if (!in.empty()) [[likely]] {
    const std::size_t count = std::size_t{in.peek()} - kTagTuple1 + 1;
    if (count - 1 < 4 && in.remaining() > count) [[likely]] {
      (void)in.take();
      return count;
    }
  }
  return detail::read_tuple_header_slow(in);
}

/// Takes a tuple's header that must announce exactly `count` items; another count is kWrongType.
inline Result<void> read_tuple_header_of(Reader& in, std::size_t count) noexcept {
  const auto found = read_tuple_header(in);
  if (!found) [[unlikely]]
    return fail(found.error());
  if (*found != count) [[unlikely]]
    return fail(Errc::kWrongType);
  return {};
}

/// An integer of at most 64 bits, immediate or decimal; a larger one is kTooLong.
inline Result<std::int64_t> read_int(Reader& in) noexcept {
  if (!in.empty() && is_immediate(in.peek())) [[likely]]
    return *in.take() - kImmediateBias;
  return detail::read_int_slow(in);
}

/// The bytes of a bytes value whose `tag` has been taken.
inline Result<ByteView> read_bytes_of(Reader& in, std::uint8_t tag) noexcept {
  if (tag == kTagBytesL1 && !in.empty()) [[likely]]
    return in.take(std::size_t{*in.take()});
  return detail::read_bytes_slow(in, tag);
}

/// A bytes value, borrowed from what the reader was made over.
inline Result<ByteView> read_bytes(Reader& in) noexcept {
  const auto tag = in.take();
  if (!tag) [[unlikely]]
    return fail(tag.error());
  return read_bytes_of(in, *tag);
}

/// A text value, borrowed from what the reader was made over. UTF-8 is not checked.
inline Result<std::string_view> read_text(Reader& in) noexcept {
  const auto tag = in.take();
  if (!tag) [[unlikely]]
    return fail(tag.error());
  if (*tag != kTagText) [[unlikely]]
    return fail(unwanted(*tag));
  const auto bytes = read_bytes(in);
  if (!bytes) [[unlikely]]
    return fail(bytes.error());
  return as_text(*bytes);
}

/// Steps over one whole value, containers with what is in them, without recursion. Text is not
/// checked, integers are checked for their length only. Fails like decode_brine(): kTruncated,
/// kUnknownTag, kWrongType, kTooDeep beyond `max_depth` nested containers.
Result<void> skip_value(Reader& in, std::size_t max_depth);

// Writers.

inline void write_none(Writer& out) { out.put(kTagNone); }
inline void write_bool(Writer& out, bool value) { out.put(value ? kTagTrue : kTagFalse); }

/// An integer in its shortest form: one byte from -48 to 159, decimal text otherwise.
inline void write_int(Writer& out, std::int64_t value) {
  if (value >= kImmediateMin && value <= kImmediateMax) [[likely]] {
    out.put(static_cast<std::uint8_t>(value + kImmediateBias));
    return;
  }
  write_decimal(out, value);
}

/// An integer from its decimal text (an optional '-' and digits, as short as can be), for those
/// beyond 64 bits. Requires size <= kMaxLength.
void write_integer_text(Writer& out, std::string_view decimal);

/// The tag and length in front of `size` bytes. Requires size <= kMaxLength.
inline void write_bytes_header(Writer& out, std::size_t size) {
  if (size < 5) {
    out.put(
        static_cast<std::uint8_t>(size == 0 ? std::size_t{kTagEmptyBytes} : kTagBytes1 - 1 + size));
  } else if (size < 256) {
    std::uint8_t* at = out.extend(2);
    at[0] = kTagBytesL1;
    at[1] = static_cast<std::uint8_t>(size);
  } else {
    std::uint8_t* at = out.extend(5);
    at[0] = kTagBytesL4;
    store_be32(at + 1, static_cast<std::uint32_t>(size));
  }
}

/// A bytes value, copied. Requires size <= kMaxLength.
inline void write_bytes(Writer& out, ByteView bytes) {
  write_bytes_header(out, bytes.size());
  out.append(bytes);
}

/// A text value, copied; `text` is UTF-8. Requires size <= kMaxLength.
inline void write_text(Writer& out, std::string_view text) {
  out.put(kTagText);
  write_bytes(out, as_bytes(text));
}

/// The header of a tuple; exactly `count` values must be written next. Requires
/// count <= kMaxLength.
inline void write_tuple_header(Writer& out, std::size_t count) {
  if (count < 5) [[likely]] {
    out.put(static_cast<std::uint8_t>(count == 0 ? std::size_t{kTagEmptyTuple}
                                                 : kTagTuple1 - 1 + count));
  } else if (count < 256) {
    std::uint8_t* at = out.extend(2);
    at[0] = kTagTupleL1;
    at[1] = static_cast<std::uint8_t>(count);
  } else {
    std::uint8_t* at = out.extend(5);
    at[0] = kTagTupleL4;
    store_be32(at + 1, static_cast<std::uint32_t>(count));
  }
}

/// A real number, bit for bit (a NaN keeps its payload).
void write_real(Writer& out, double value);

}  // namespace sinew::wire
