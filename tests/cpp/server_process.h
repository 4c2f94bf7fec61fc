#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace sinew::testing {

/// Who plays the server: what tests/python/peers/serve.py calls them.
inline constexpr const char* kServers[] = {"ours", "stock", "stock-5.3.1"};

/// A Python server in a process of its own, which dies with this one.
///
/// threads: one.
class ServerProcess {
 public:
  /// Serves `service`, MODULE:FUNCTION within tests/python/peers. Throws std::runtime_error.
  ServerProcess(std::string_view implementation, std::string_view service);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// "tcp://127.0.0.1:PORT".
  std::string uri() const;
  void kill() noexcept;

  /// One that tests share; it lives as long as the program.
  static ServerProcess& shared(const std::string& implementation, const std::string& service);

  /// Why there can be none of this implementation here; empty: there can.
  static std::string why_missing(std::string_view implementation);

 private:
  pid_t process_ = -1;
  int input_ = -1;  // its standard input: it ends when that does
  std::uint16_t port_ = 0;
};

}  // namespace sinew::testing
