#include "io/socket_stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "io/address.h"
#include "io/wait.h"

namespace sinew::io {

SocketStream::SocketStream(Fd socket) : socket_(std::move(socket)) {
  const int on = 1;
  is_tcp_ = ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
  blocks_ = (::fcntl(socket_.get(), F_GETFL) & O_NONBLOCK) == 0;
  description_ = describe_socket(socket_.get());
  // A timeout left over from connecting would end an idle connection: start from none.
  const timeval none{};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
}

Errc SocketStream::broken(int error) noexcept {
  error_.store(error, std::memory_order_relaxed);
  return Errc::kConnectionReset;
}

Result<std::size_t> SocketStream::receive(MutableByteView into, int flags) {
  const ssize_t count = ::recv(socket_.get(), into.data(), into.size(), flags);
  if (count > 0) return static_cast<std::size_t>(count);
  if (count == 0) return fail(Errc::kEndOfStream);
  if (errno == EAGAIN || errno == EWOULDBLOCK) return fail(Errc::kWouldBlock);
  if (errno == EINTR) return fail(Errc::kInterrupted);
  return fail(broken(errno));
}

Result<std::size_t> SocketStream::try_read(MutableByteView into, std::size_t /*wanted*/) {
  return receive(into, MSG_DONTWAIT);
}

// Makes a blocking recv end close to `deadline`. The option is only set when the value in force
// is too far off, so that calls with one constant timeout pay for it once. Returns false when poll
// must be used: the last stretch before a deadline wants more precision.
bool SocketStream::arm_receive_timeout(Deadline deadline) noexcept {
  constexpr std::int64_t kPollBelowMs = 100;
  std::int64_t wanted_ms = 0;
  if (!deadline.is_never() && !deadline.clock().is_manual()) {
    wanted_ms = deadline.remaining().count() / 1'000'000;
    if (wanted_ms < kPollBelowMs) return false;
    // Up to a tenth shorter than what is left is fine: the caller's loop comes back.
    if (receive_timeout_ms_ > 0 && receive_timeout_ms_ <= wanted_ms + 1 &&
        receive_timeout_ms_ >= wanted_ms - wanted_ms / 10) {
      return true;
    }
  } else if (receive_timeout_ms_ == 0) {
    return true;
  }
  const timeval value{.tv_sec = wanted_ms / 1000, .tv_usec = (wanted_ms % 1000) * 1000};
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value) != 0) return false;
  receive_timeout_ms_ = wanted_ms;
  return true;
}

Result<std::size_t> SocketStream::read(MutableByteView into, std::size_t /*wanted*/,
                                       Deadline deadline) {
  while (true) {
    if (blocks_ && arm_receive_timeout(deadline)) {
      auto count = receive(into, 0);
      if (count || count.error() != Errc::kWouldBlock) return count;
      if (deadline.passed()) return fail(Errc::kTimedOut);
      // SO_RCVTIMEO ended a little before the deadline, or whoever shares the socket has made it
      // non-blocking (settimeout() in Python does).
      blocks_ = (::fcntl(socket_.get(), F_GETFL) & O_NONBLOCK) == 0;
      continue;
    }
    SINEW_TRY(wait({.readable = true, .writable = false}, deadline));
    auto count = receive(into, MSG_DONTWAIT);
    if (count || count.error() != Errc::kWouldBlock) return count;
  }
}

Result<std::size_t> SocketStream::try_write(std::span<const iovec> pieces) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg does not write to them
  message.msg_iovlen = pieces.size();
  const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (errno == EAGAIN || errno == EWOULDBLOCK) return fail(Errc::kWouldBlock);
  if (errno == EINTR) return fail(Errc::kInterrupted);
  return fail(broken(errno));
}

Result<Readiness> SocketStream::wait(Readiness wanted, Deadline deadline) {
  pollfd entry{.fd = socket_.get(), .events = 0, .revents = 0};
  if (wanted.readable) entry.events |= POLLIN;
  if (wanted.writable) entry.events |= POLLOUT;
  SINEW_TRY(poll_until({&entry, 1}, deadline));
  // An error or hang-up counts as both: the next operation reports it.
  const bool failed = (entry.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
  return Readiness{.readable = failed || (entry.revents & POLLIN) != 0,
                   .writable = failed || (entry.revents & POLLOUT) != 0};
}

void SocketStream::hasten_acknowledgement() noexcept {
  if (!is_tcp_) return;
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

std::optional<std::size_t> SocketStream::unread() const noexcept {
  int count = 0;
  if (::ioctl(socket_.get(), FIONREAD, &count) != 0) return std::nullopt;
  return static_cast<std::size_t>(count);
}

Result<std::size_t> SocketStream::peek(MutableByteView into) {
  return receive(into, MSG_DONTWAIT | MSG_PEEK);
}

Result<void> SocketStream::wait_for_end(Deadline deadline) {
  pollfd entry{.fd = socket_.get(), .events = POLLRDHUP, .revents = 0};
  return poll_until({&entry, 1}, deadline);
}

// Keep-alive probes see to it that acknowledgements keep coming, and machine_silence() counts from
// the last one. The kernel's own limits are of no use: it does not count probes while anything
// is unacknowledged, and TCP_USER_TIMEOUT ends a connection whose peer merely does not read.
Duration SocketStream::watch_machine(Duration interval) noexcept {
  if (!is_tcp_) return Duration::zero();
  int on = 0;
  socklen_t size = sizeof on;
  // Somebody else's settings stay as they are.
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, &size) != 0 || on != 0) {
    return Duration::zero();
  }
  constexpr std::int64_t kMostSeconds = 32767;  // Linux refuses more
  constexpr int kProbes = 127;                  // the most there are: the verdict is ours
  const auto seconds = static_cast<int>(std::clamp<std::int64_t>(
      std::chrono::ceil<std::chrono::seconds>(interval).count(), 1, kMostSeconds));
  on = 1;
  const bool set =
      ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds) == 0 &&
      ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds) == 0 &&
      ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof kProbes) == 0 &&
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0;
  return set ? std::chrono::seconds(seconds) : Duration::zero();
}

Duration SocketStream::machine_silence() const noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (!is_tcp_ || ::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
    return Duration::zero();
  }
  return std::chrono::milliseconds(std::min(info.tcpi_last_ack_recv, info.tcpi_last_data_recv));
}

void SocketStream::interrupt() noexcept { ::shutdown(socket_.get(), SHUT_RDWR); }

std::string SocketStream::last_error() const {
  const int error = error_.load(std::memory_order_relaxed);
  return error == 0 ? std::string() : std::generic_category().message(error);
}

}  // namespace sinew::io
