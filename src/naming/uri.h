#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/address.h"

namespace sinew::naming {

/// A place as users write it: "tcp://host:port", "tls://host:port", "tcp://[::1]:port",
/// "unix:///path", or without a scheme "host:port" and "host".
struct Uri {
  static constexpr std::uint16_t kDefaultPort = 18812;
  static constexpr std::uint16_t kDefaultTlsPort = 18821;

  io::Address address;
  bool is_tls = false;

  std::string to_text() const;

  bool operator==(const Uri&) const noexcept = default;
};

/// Reads a place. Throws Error (kFailed) with what is wrong and what would be right.
Uri parse_uri(std::string_view text);

}  // namespace sinew::naming
