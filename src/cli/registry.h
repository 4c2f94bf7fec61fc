#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace sinew::cli {

/// A service that a registry knows.
struct Registered {
  std::string name;
  std::vector<std::string> places;  ///< "host:port"
};

inline constexpr std::uint16_t kRegistryPort = 18811;

/// Asks RPyC's registry over UDP (source: docs/protocols/rpyc.md, registry) for all names and where
/// they are. `host` may be a broadcast address: the first that answers counts. Throws Error:
/// kTimedOut, nobody answers; kUnsupported, the registry keeps its list to itself (it lists names
/// only when it was started so).
std::vector<Registered> list_registry(const std::string& host, std::uint16_t port,
                                      std::chrono::nanoseconds time);

}  // namespace sinew::cli
