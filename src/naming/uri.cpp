#include "naming/uri.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/error.h"

namespace sinew::naming {
namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view what) {
  throw Error(Error::Kind::kFailed,
              fmt::format("'{}': {}; write tcp://localhost:18812, tls://localhost:18821, "
                          "tcp://[::1]:18812 or unix:///run/name.sock",
                          text, what));
}

struct Place {
  std::string_view host;
  std::optional<std::string_view> port;
};

Place split_bracketed(std::string_view text, std::string_view place) {
  const std::size_t bracket = place.find(']');
  if (bracket == std::string_view::npos) {
    refuse(text, "there is no closing bracket behind the IPv6 address");
  }
  const std::string_view host = place.substr(1, bracket - 1);
  const std::string_view behind = place.substr(bracket + 1);
  if (!behind.empty() && !behind.starts_with(':')) {
    refuse(text, fmt::format("behind the bracket must be a colon and the port, not '{}'", behind));
  }
  if (!host.empty() && !host.contains(':')) {
    refuse(text, fmt::format("brackets are for IPv6 addresses, not for '{}'", host));
  }
  return {host, behind.empty() ? std::nullopt : std::optional(behind.substr(1))};
}

Place split(std::string_view text, std::string_view place) {
  if (place.starts_with('[')) return split_bracketed(text, place);
  if (std::ranges::count(place, ':') > 1) refuse(text, "an IPv6 address must be in brackets");
  const std::size_t colon = place.find(':');
  if (colon == std::string_view::npos) return {place, std::nullopt};
  return {place.substr(0, colon), place.substr(colon + 1)};
}

std::uint16_t port_of(std::string_view text, std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    refuse(text, fmt::format("the port must be a number below 65536, not '{}'", digits));
  }
  return port;
}

Uri parse_tcp(std::string_view text, std::string_view rest, bool is_tls) {
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const Place place = split(text, rest);
  if (place.host.empty()) refuse(text, "there is no host");
  if (place.host.find_first_of(" \t\r\n/@?#[]") != std::string_view::npos) {
    refuse(text, fmt::format("'{}' is no host", place.host));
  }
  const std::uint16_t port = place.port ? port_of(text, *place.port)
                             : is_tls   ? Uri::kDefaultTlsPort
                                        : Uri::kDefaultPort;
  return {io::Address::tcp(std::string(place.host), port), is_tls};
}

}  // namespace

Uri parse_uri(std::string_view text) {
  constexpr std::string_view kSeparator = "://";
  const std::size_t end = text.find(kSeparator);
  if (end == std::string_view::npos) return parse_tcp(text, text, false);
  const std::string_view scheme = text.substr(0, end);
  const std::string_view rest = text.substr(end + kSeparator.size());
  if (scheme == "tcp" || scheme == "tls") return parse_tcp(text, rest, scheme == "tls");
  if (scheme != "unix") {
    refuse(text, fmt::format("the scheme must be tcp, tls or unix, not '{}'", scheme));
  }
  if (rest.empty()) refuse(text, "there is no path");
  return {io::Address::unix_socket(std::string(rest)), false};
}

std::string Uri::to_text() const {
  if (address.family == io::Address::Family::kUnix) return "unix://" + address.path;
  return (is_tls ? "tls://" : "tcp://") + address.to_text();
}

}  // namespace sinew::naming
