#include "io/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include <fmt/format.h>

#include "base/error.h"
#include "io/wait.h"

namespace sinew::io {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

std::string system_message(int error) { return std::generic_category().message(error); }

AddressList resolve(const Address& address, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  const char* host = address.host.empty() ? nullptr : address.host.c_str();
  const int error = ::getaddrinfo(host, port.c_str(), &hints, &found);
  if (error != 0) {
    throw Error(Error::Kind::kFailed,
                fmt::format("cannot resolve '{}': {}", address.host, ::gai_strerror(error)));
  }
  return {found, &::freeaddrinfo};
}

std::pair<sockaddr_un, socklen_t> unix_socket_address(const Address& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (address.path.empty() || address.path.size() >= sizeof name.sun_path) {
    throw Error(Error::Kind::kFailed,
                fmt::format("a Unix socket path has 1 to {} bytes, this one {}",
                            sizeof name.sun_path - 1, address.path.size()));
  }
  std::memcpy(name.sun_path, address.path.data(), address.path.size());
  const bool abstract = address.path.front() == '\0';
  const std::size_t length =
      offsetof(sockaddr_un, sun_path) + address.path.size() + (abstract ? 0 : 1);
  return {name, static_cast<socklen_t>(length)};
}

std::string text_of(const sockaddr_storage& name, socklen_t length) {
  if (name.ss_family == AF_UNIX) {
    const auto* local = reinterpret_cast<const sockaddr_un*>(&name);
    const std::size_t used = length - offsetof(sockaddr_un, sun_path);
    if (length <= offsetof(sockaddr_un, sun_path) || used == 0) return "unix:(unnamed)";
    return fmt::format("unix:{}", std::string(local->sun_path, ::strnlen(local->sun_path, used)));
  }
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&name), length, host.data(), host.size(),
                    port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "(unknown)";
  }
  const bool six = name.ss_family == AF_INET6;
  return fmt::format("{}{}{}:{}", six ? "[" : "", host.data(), six ? "]" : "", port.data());
}

// Removes a socket file at which nobody listens any more. Another kind of file, or the socket of a
// server that lives, stays and makes bind fail.
void remove_if_dead(const std::string& path, const sockaddr_un& name, socklen_t length) {
  struct stat found = {};
  if (::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return;
  const int result = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), length);
  if (result != 0 && errno == ECONNREFUSED) ::unlink(path.c_str());
}

// Finishes a non-blocking connect. Returns 0 or an errno value.
int finish_connect(int socket, Deadline deadline) {
  pollfd entry{.fd = socket, .events = POLLOUT, .revents = 0};
  while (true) {
    const auto ready = poll_until({&entry, 1}, deadline);
    if (!ready && ready.error() == Errc::kInterrupted) continue;
    if (!ready) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }
}

// One attempt. Returns 0 or an errno value; on success `into` is connected and blocking.
int try_connect(Fd& into, int family, const sockaddr* name, socklen_t length, Deadline deadline) {
  into = Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!into) return errno;
  if (::connect(into.get(), name, length) != 0) {
    // EAGAIN: a Unix listener whose backlog is full; there is nothing to wait on but its server.
    if (errno != EINPROGRESS && errno != EINTR) return errno;
    if (const int error = finish_connect(into.get(), deadline); error != 0) return error;
  }
  const int off = 0;
  ::ioctl(into.get(), FIONBIO, &off);
  return 0;
}

[[noreturn]] void throw_connect_error(const Address& address, int error) {
  const auto kind = error == ETIMEDOUT ? Error::Kind::kTimedOut : Error::Kind::kDisconnected;
  throw Error(kind,
              fmt::format("cannot connect to {}: {}", address.to_text(), system_message(error)));
}

}  // namespace

Address Address::tcp(std::string host, std::uint16_t port) {
  return {.family = Family::kTcp, .host = std::move(host), .port = port, .path = {}};
}

Address Address::unix_socket(std::string path) {
  return {.family = Family::kUnix, .host = {}, .port = 0, .path = std::move(path)};
}

std::string Address::to_text() const {
  if (family == Family::kUnix) return fmt::format("unix:{}", path);
  const bool six = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", six ? "[" : "", host, six ? "]" : "", port);
}

std::string describe_socket(int socket) {
  sockaddr_storage local{};
  sockaddr_storage remote{};
  socklen_t local_size = sizeof local;
  socklen_t remote_size = sizeof remote;
  const bool have_local =
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&local), &local_size) == 0;
  const bool have_remote =
      ::getpeername(socket, reinterpret_cast<sockaddr*>(&remote), &remote_size) == 0;
  return fmt::format("{} -> {}", have_local ? text_of(local, local_size) : "(closed)",
                     have_remote ? text_of(remote, remote_size) : "(closed)");
}

Address local_address(int socket) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &length) != 0) {
    throw Error(Error::Kind::kFailed, fmt::format("getsockname: {}", system_message(errno)));
  }
  const std::string text = text_of(name, length);
  if (name.ss_family == AF_UNIX) return Address::unix_socket(text.substr(5));
  const std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return Address::tcp(std::move(host),
                      static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
}

Fd connect(const Address& address, Deadline deadline) {
  Fd socket;
  if (address.family == Address::Family::kUnix) {
    const auto [name, length] = unix_socket_address(address);
    const int error =
        try_connect(socket, AF_UNIX, reinterpret_cast<const sockaddr*>(&name), length, deadline);
    if (error != 0) throw_connect_error(address, error);
    return socket;
  }
  const AddressList list = resolve(address, 0);
  int error = EHOSTUNREACH;
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    error = try_connect(socket, entry->ai_family, entry->ai_addr, entry->ai_addrlen, deadline);
    if (error == 0) return socket;
  }
  throw_connect_error(address, error);
}

Fd listen(const Address& address, int backlog) {
  const auto check = [&](bool worked) {
    if (!worked) {
      throw Error(Error::Kind::kFailed,
                  fmt::format("cannot listen on {}: {}", address.to_text(), system_message(errno)));
    }
  };
  if (address.family == Address::Family::kUnix) {
    const auto [name, length] = unix_socket_address(address);
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    check(static_cast<bool>(socket));
    if (address.path.front() != '\0') remove_if_dead(address.path, name, length);
    check(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), length) == 0);
    check(::listen(socket.get(), backlog) == 0);
    return socket;
  }
  const AddressList list = resolve(address, AI_PASSIVE);
  Fd socket(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  check(static_cast<bool>(socket));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  check(::bind(socket.get(), list->ai_addr, list->ai_addrlen) == 0);
  check(::listen(socket.get(), backlog) == 0);
  return socket;
}

Result<Fd> accept(int listener, Deadline deadline) {
  while (true) {
    pollfd entry{.fd = listener, .events = POLLIN, .revents = 0};
    SINEW_TRY(poll_until({&entry, 1}, deadline));
    Fd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (socket) return socket;
    switch (errno) {
      case EAGAIN:
      case ECONNABORTED:
      case EPROTO:
      // Of the one connection, too (accept(2)): a firewall refused it, its network went away.
      case EPERM:
      case ENETDOWN:
      case ENETUNREACH:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case EHOSTUNREACH:
      case ENONET: continue;
      case EINTR: return fail(Errc::kInterrupted);
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM: return fail(Errc::kQueueFull);
      default: return fail(Errc::kEndOfStream);
    }
  }
}

}  // namespace sinew::io
