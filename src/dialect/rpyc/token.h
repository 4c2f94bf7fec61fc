#pragma once

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "io/stream.h"

namespace sinew::dialect::rpyc {

// Tokens: two peers show each other that they know the same secret, before the first byte of RPyC
// (docs/protocols/tokens.md, from which all bytes here are).

inline constexpr std::size_t kProofSize = 32;
using Nonce = std::array<std::uint8_t, kProofSize>;
using Proof = std::array<std::uint8_t, kProofSize>;

/// What shows that `role` ("client" or "server") knows the key. Throws Error (kUnsupported) without
/// OpenSSL.
Proof token_proof(std::string_view key, std::string_view role, const Nonce& client,
                  const Nonce& server);

/// The client's side, before anything else is sent or read. `where` names the server in errors.
/// Throws Error: kFailed when the server knows another token or none, kTimedOut.
void prove_to_server(io::Stream& stream, std::string_view key, const std::string& where,
                     Deadline deadline);

/// Counts wrong tokens for where they come from: kBurst at once, and one a second after that. At
/// most kMostSources are told apart; while there are more, the others share one count.
///
/// threads: any.
class TokenTries {
 public:
  static constexpr double kBurst = 10;
  static constexpr double kPerSecond = 1;
  static constexpr std::size_t kMostSources = 4096;

  explicit TokenTries(const Clock& clock = Clock::system()) noexcept : clock_(clock) {}

  enum class Verdict : std::uint8_t { kRight, kWrong, kWait };

  /// kWait: too many were wrong, and `is_right` is not asked.
  Verdict judge(const std::string& source, const std::function<bool()>& is_right);

 private:
  struct Failures {
    double count = 0;
    TimePoint at{};
  };
  double level_locked(const Failures& failures, TimePoint now) const noexcept;
  const std::string& place_of_locked(const std::string& source, TimePoint now);

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Failures> failed_;  // guarded by mutex_
  TimePoint swept_{};                       // guarded by mutex_
};

/// What a client's tries are counted under: an IPv4 address, a 64-bit net of IPv6, or this machine.
std::string token_source(int socket);

/// The server's side, before anything else. A client that shows something else is told so, given a
/// moment to read it, and named in the Error that is thrown (kFailed, kTimedOut).
void demand_token(io::Stream& stream, std::string_view key, TokenTries& tries,
                  const std::string& source, Deadline deadline);

}  // namespace sinew::dialect::rpyc
