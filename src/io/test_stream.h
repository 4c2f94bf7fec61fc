#pragma once

#include <string>
#include <string_view>

#include "io/stream.h"

/// For the tests of the streams: text instead of pieces and views.
namespace sinew::io::testing {

inline Result<std::size_t> write(Stream& stream, std::string_view text) {
  const iovec piece{const_cast<char*>(text.data()), text.size()};
  return stream.try_write({&piece, 1});
}

/// One read of at most 1000 bytes.
inline Result<std::string> read(Stream& stream, Deadline deadline) {
  std::string text(1000, '\0');
  SINEW_ASSIGN(
      const std::size_t count,
      stream.read({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 1, deadline));
  return text.substr(0, count);
}

}  // namespace sinew::io::testing
