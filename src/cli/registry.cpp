#include "cli/registry.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "base/reader.h"
#include "base/writer.h"
#include "io/fd.h"
#include "io/wait.h"
#include "sinew/error.hpp"
#include "wire/brine.h"
#include "wire/value.h"

namespace sinew::cli {
namespace {

constexpr std::size_t kLargest = 15000;  // bytes of a listing, as our registry sends it

struct Destination {
  sockaddr_storage address{};
  socklen_t size = 0;
};

Destination resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_INET;  // what broadcasts, and what registries listen at
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed != 0) {
    throw Error(Error::Kind::kFailed, fmt::format("cannot find the registry's host {}: {}", host,
                                                  ::gai_strerror(failed)));
  }
  Destination made;
  std::memcpy(&made.address, found->ai_addr, found->ai_addrlen);
  made.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return made;
}

class Client {
 public:
  Client(const std::string& host, std::uint16_t port, std::chrono::nanoseconds time)
      : place_(fmt::format("{}:{}", host, port)),
        to_(resolve(host, port)),
        socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
        time_(time) {
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  }

  // ("RPYC", command, arguments), answered by one brine value.
  Value ask(const char* command, const Value& arguments) {
    const Value request = Value::tuple({Value("RPYC"), Value(command), arguments});
    Writer out;
    wire::ValueModel model;
    if (!wire::encode_brine(model, &request, out, wire::BrineLimits{})) {
      throw Error(Error::Kind::kProtocol, "the registry knows a name that cannot be sent");
    }
    const ByteView bytes = out.copied();
    if (::sendto(socket_.get(), bytes.data(), bytes.size(), 0,
                 reinterpret_cast<const sockaddr*>(&to_.address), to_.size) < 0) {
      throw Error(Error::Kind::kDisconnected,
                  fmt::format("cannot ask the registry at {}: {}", place_, std::strerror(errno)));
    }
    return receive();
  }

 private:
  Value receive() {
    const Deadline deadline = Deadline::after(time_);
    std::array<std::uint8_t, kLargest> data;
    while (true) {
      std::array entries{pollfd{.fd = socket_.get(), .events = POLLIN, .revents = 0}};
      const auto ready = io::poll_until(entries, deadline);
      if (!ready && ready.error() == Errc::kInterrupted) continue;
      if (!ready) {
        throw Error(
            Error::Kind::kTimedOut,
            fmt::format("no registry answers at {} (UDP) within {:.1f} s; one is started by: "
                        "sinew registry",
                        place_, std::chrono::duration<double>(time_).count()));
      }
      // From now on to the one that has answered first.
      to_.size = sizeof to_.address;
      const ssize_t size = ::recvfrom(socket_.get(), data.data(), data.size(), 0,
                                      reinterpret_cast<sockaddr*>(&to_.address), &to_.size);
      if (size < 0) {
        throw Error(Error::Kind::kDisconnected,
                    fmt::format("no registry at {}: {}", place_, std::strerror(errno)));
      }
      wire::ValueModel model;
      Reader in(ByteView(data.data(), static_cast<std::size_t>(size)));
      if (auto answer = wire::decode_brine(model, in, wire::BrineLimits{})) return **answer;
    }
  }

  const std::string place_;
  Destination to_;
  io::Fd socket_;
  const std::chrono::nanoseconds time_;
};

std::vector<std::string> places_of(const Value& answer) {
  std::vector<std::string> places;
  for (const Value& server : answer.items()) {
    const auto parts = server.items();
    if (parts.size() != 2 || parts[0].kind() != ValueKind::kText) continue;
    const bool is_number = parts[1].kind() == ValueKind::kInteger;
    places.push_back(
        fmt::format("{}:{}", parts[0].text(), is_number ? parts[1].decimal() : to_text(parts[1])));
  }
  return places;
}

}  // namespace

std::vector<Registered> list_registry(const std::string& host, std::uint16_t port,
                                      std::chrono::nanoseconds time) {
  Client client(host, port, time);
  const Value names = client.ask("LIST", Value::tuple({Value::tuple({Value()})}));
  if (names.kind() != ValueKind::kTuple) {
    throw Error(Error::Kind::kUnsupported,
                "the registry lists nothing; started with --listing it does");
  }
  std::vector<Registered> found;
  for (const Value& name : names.items()) {
    if (name.kind() != ValueKind::kText) continue;
    const Value answer = client.ask("QUERY", Value::tuple({name}));
    found.push_back({std::string(name.text()), places_of(answer)});
  }
  return found;
}

}  // namespace sinew::cli
