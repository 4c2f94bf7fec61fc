#pragma once

#include <cstdint>
#include <string_view>

#include "base/errc.h"
#include "base/writer.h"

namespace sinew::wire {

/// Integers as decimal text, which is brine's form of those that one byte cannot hold (source: RPyC
/// wire, docs/protocols/rpyc.md section 2.3). Object ids travel that way, two in each reference, so
/// both directions are made by hand.
///
/// threads: any.

/// An integer as read: by value when it fits in 64 bits, else as it stands in the message.
struct IntegerText {
  std::string_view text;  ///< unless `fits`: an optional '-' and digits, perhaps leading zeros
  std::int64_t value;     ///< when `fits`
  bool fits;
};

/// Reads decimal text: an optional '-' and digits, nothing else. Fails with kBadInteger.
Result<IntegerText> parse_decimal(std::string_view text) noexcept;

/// Writes any integer as tag 16, its length and its text.
void write_decimal(Writer& out, std::int64_t value);

}  // namespace sinew::wire
