#include <chrono>
#include <exception>

#include <fmt/format.h>

#include "api/peer.h"
#include "cli/checks.h"
#include "cli/samples.h"
#include "naming/uri.h"

namespace sinew::cli {
namespace {

using std::chrono::steady_clock;

constexpr int kPings = 50;

std::string advice_for(const Error& error, bool is_tls) {
  if (error.message().contains("token")) {
    return "the token has to be the one that the server has: --token-file FILE, or SINEW_TOKEN";
  }
  switch (error.kind()) {
    case Error::Kind::kTimedOut:
      return "somebody listens and does not answer: another kind of server, a busy or stopped one, "
             "or "
             "one that wants TLS first (tls://)";
    case Error::Kind::kDisconnected:
      return is_tls
                 ? "the server hung up: its log says why; it may want a token (--token-file)"
                 : "the server hung up: it may want TLS (tls://) or a token (--token-file), refuse "
                   "this machine, or be no RPyC server at all";
    case Error::Kind::kUnsupported:
    case Error::Kind::kProtocol:
      return "it does not speak RPyC as was said: leave out --wire, and look at the port";
    default: return "look at the log of the server";
  }
}

// RPyC tells its version with every exception, unless that is switched off.
std::string version_of(const Peer& peer) {
  try {
    peer.root.get("sinew_doctor_asks_for_what_is_not_there");
  } catch (const RemoteError& error) {
    for (const auto& [name, value] : error.details().attributes) {
      if (name == "_remote_version" && value.kind() == ValueKind::kText) {
        return std::string(value.text());
      }
    }
  }
  return {};
}

bool is_sinew(const Peer& peer) {
  const detail::Import* const root = detail::import_of(peer.root.value());
  using dialect::rpyc::Extension;
  return root != nullptr && root->peer->session().agrees_on(Extension::kHeartbeat);
}

void tell_server(Peer& peer, const Tell& tell) {
  const std::string version = version_of(peer);
  // A Sinew peer names the RPyC that it stands for.
  std::string found = is_sinew(peer) ? "Sinew" : "RPyC";
  if (!version.empty()) found += (is_sinew(peer) ? ", as RPyC " : " ") + version;
  if (peer.is_classic()) {
    const auto python = peer.connection.module("sys").get<std::string>("version");
    found += fmt::format(", a classic server on Python {}", python.substr(0, python.find(' ')));
  } else {
    found += ", the service " + peer.root.type_name();
  }
  tell({"server", true, found});
}

void tell_round_trip(const Peer& peer, const Tell& tell) {
  Samples samples;
  for (int i = 0; i < kPings; ++i) {
    const auto begin = steady_clock::now();
    peer.connection.ping();
    samples.add(steady_clock::now() - begin);
  }
  tell({"round trip", true, summary(samples)});
}

}  // namespace

bool check_protocol(const Target& target, const Tell& tell) try {
  Peer peer = open(target);
  const detail::Import* const root = detail::import_of(peer.root.value());
  const bool is_older = root != nullptr && root->peer->family() == wire::Family::kB;
  tell({"protocol", true,
        is_older ? "RPyC's, as 4.1 to 5.3 speak it" : "RPyC's, as version 6 speaks it"});
  tell_server(peer, tell);
  tell_round_trip(peer, tell);
  return true;
} catch (const RemoteError& error) {
  tell({"server", false, error.message(), "look at the log of the server"});
  return false;
} catch (const Error& error) {
  tell({"protocol", false, error.message(),
        advice_for(error, naming::parse_uri(target.uri).is_tls)});
  return false;
}

}  // namespace sinew::cli
