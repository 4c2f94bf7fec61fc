#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// What the machine can do at best: blocking sockets, and messages of the size of ours that nobody
/// reads anything from.
namespace sinew::bench::floor {

/// Of a call with two small integers, and of its answer, rounded.
inline constexpr std::size_t kMessage = 64;

inline void check(bool fine, const char* what) {
  if (!fine) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

inline void no_delay(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on,
               sizeof on);  // of a Unix socket: no such thing
}

inline void send_all(int socket, const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t sent = ::send(socket, bytes, count, MSG_NOSIGNAL);
    check(sent > 0, "send");
    bytes += sent;
    count -= static_cast<std::size_t>(sent);
  }
}

/// False at the end of the stream.
inline bool receive_all(int socket, char* into, std::size_t count) {
  while (count > 0) {
    const ssize_t got = ::recv(socket, into, count, 0);
    if (got <= 0) return false;
    into += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

/// Listens at a free port of the loopback device, or at `path`.
struct Listener {
  explicit Listener(std::string path = {}) : unix_path(std::move(path)) {
    socket = ::socket(unix_path.empty() ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(socket >= 0, "socket");
    if (unix_path.empty()) {
      in.sin_family = AF_INET;
      in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      check(::bind(socket, reinterpret_cast<sockaddr*>(&in), sizeof in) == 0, "bind");
      socklen_t length = sizeof in;
      check(::getsockname(socket, reinterpret_cast<sockaddr*>(&in), &length) == 0, "getsockname");
    } else {
      un.sun_family = AF_UNIX;
      std::strncpy(un.sun_path, unix_path.c_str(), sizeof un.sun_path - 1);
      check(::bind(socket, reinterpret_cast<sockaddr*>(&un), sizeof un) == 0, "bind");
    }
    check(::listen(socket, 128) == 0, "listen");
  }

  int connect() const {
    const int made = ::socket(unix_path.empty() ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto* const where = unix_path.empty() ? reinterpret_cast<const sockaddr*>(&in)
                                                : reinterpret_cast<const sockaddr*>(&un);
    check(::connect(made, where, unix_path.empty() ? sizeof in : sizeof un) == 0, "connect");
    no_delay(made);
    return made;
  }

  std::string unix_path;
  int socket = -1;
  sockaddr_in in{};
  sockaddr_un un{};
};

/// Sends back what comes, one thread a client, for ever. The first byte of a client says what it
/// wants: 'p' ping-pong with kMessage bytes, 'b' blocks: a size, then so many bytes each way.
[[noreturn]] inline void serve(const Listener& listener) {
  while (true) {
    const int client = ::accept4(listener.socket, nullptr, nullptr, SOCK_CLOEXEC);
    check(client >= 0, "accept");
    no_delay(client);
    std::thread([client] {
      char kind = 0;
      std::array<char, kMessage> message;
      bool goes_on = receive_all(client, &kind, 1);
      while (goes_on && kind == 'p') {
        goes_on = receive_all(client, message.data(), message.size());
        if (goes_on) send_all(client, message.data(), message.size());
      }
      std::size_t size = 0;
      std::vector<char> block;
      while (goes_on && kind == 'b') {
        goes_on = receive_all(client, reinterpret_cast<char*>(&size), sizeof size);
        block.resize(size);
        goes_on = goes_on && receive_all(client, block.data(), size);
        if (goes_on) send_all(client, block.data(), size);
      }
      ::close(client);
    }).detach();
  }
}

/// A client of it.
class Client {
 public:
  Client(const Listener& listener, char kind) : socket_(listener.connect()) {
    send_all(socket_, &kind, 1);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void ping() {
    send_all(socket_, message_.data(), message_.size());
    check(receive_all(socket_, message_.data(), message_.size()), "receive");
  }

  void exchange(std::vector<char>& block) {
    const std::size_t size = block.size();
    send_all(socket_, reinterpret_cast<const char*>(&size), sizeof size);
    send_all(socket_, block.data(), size);
    check(receive_all(socket_, block.data(), size), "receive");
  }

 private:
  const int socket_;
  std::array<char, kMessage> message_{};
};

}  // namespace sinew::bench::floor
