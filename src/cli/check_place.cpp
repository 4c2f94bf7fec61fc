#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/checks.h"
#include "cli/samples.h"
#include "io/address.h"

namespace sinew::cli {
namespace {

using std::chrono::steady_clock;

// The numeric addresses of a host; or why there are none, in `problem`.
std::vector<std::string> addresses_of(const std::string& host, std::string& problem) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* first = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &first);
  if (failed != 0) {
    problem = failed == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(failed);
    return {};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(first, &::freeaddrinfo);
  std::vector<std::string> found;
  for (const addrinfo* one = first; one != nullptr; one = one->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0,
                      NI_NUMERICHOST) != 0) {
      continue;
    }
    if (std::ranges::find(found, text) == found.end()) found.emplace_back(text);
  }
  return found;
}

std::string advice_for(const Error& error, const io::Address& address) {
  const std::string& message = error.message();
  if (message.contains("refused")) {
    return fmt::format(
        "nobody listens at that port: start the server there (sinew classic --port {}), or ask "
        "which port it has; one that listens at 127.0.0.1 is reached from its own machine only",
        address.port);
  }
  if (error.kind() == Error::Kind::kTimedOut) {
    return "nothing comes back: the machine is off, or a firewall drops what is for that port";
  }
  if (message.contains("unreachable") || message.contains("No route")) {
    return "this machine knows no way there: look at the network, a VPN, the routes";
  }
  return "see whether other programs reach that machine";
}

bool check_reach(const io::Address& address, const Options& options, const Tell& tell) {
  const auto begin = steady_clock::now();
  try {
    io::connect(address, Deadline::after(options.connect_timeout));
  } catch (const Error& error) {
    tell({"reach", false, error.message(), advice_for(error, address)});
    return false;
  }
  tell({"reach", true,
        fmt::format("{} accepts connections ({})", address.to_text(),
                    duration_text(steady_clock::now() - begin))});
  return true;
}

bool check_socket_file(const std::string& path, const Tell& tell) {
  struct stat found{};
  if (!path.empty() && path.front() == '\0') return true;  // abstract: no file
  if (::stat(path.c_str(), &found) != 0) {
    const int error = errno;
    tell({"file", false, fmt::format("{}: {}", path, std::strerror(error)),
          error == ENOENT ? "the server is not running, or uses another path"
                          : "you may not look there: the folder's owner decides"});
    return false;
  }
  if (!S_ISSOCK(found.st_mode)) {
    tell({"file", false, path + " is not a socket", "name the path that the server prints"});
    return false;
  }
  tell({"file", true, path + " is a socket"});
  return true;
}

}  // namespace

bool check_place(const naming::Uri& uri, const Options& options, const Tell& tell) {
  const io::Address& address = uri.address;
  if (address.family == io::Address::Family::kUnix) {
    return check_socket_file(address.path, tell) && check_reach(address, options, tell);
  }
  const auto begin = steady_clock::now();
  std::string problem;
  const std::vector<std::string> found = addresses_of(address.host, problem);
  if (found.empty()) {
    tell({"name", false, fmt::format("{}: {}", address.host, problem),
          "look at the spelling, at /etc/hosts and at the name server; an address in numbers needs "
          "neither"});
    return false;
  }
  tell({"name", true,
        fmt::format("{} is {} ({})", address.host, fmt::join(found, ", "),
                    duration_text(steady_clock::now() - begin))});
  return check_reach(address, options, tell);
}

}  // namespace sinew::cli
