#include "io/pipe_stream.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/error.h"
#include "io/wait.h"

namespace sinew::io {
namespace {

void set_nonblocking(int descriptor) noexcept {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags >= 0) ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
}

}  // namespace

PipeStream::PipeStream(Fd incoming, Fd outgoing)
    : incoming_(std::move(incoming)),
      outgoing_(std::move(outgoing)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) {
    throw Error(Error::Kind::kFailed, "eventfd: " + std::generic_category().message(errno));
  }
  set_nonblocking(incoming_.get());
  set_nonblocking(outgoing_.get());
}

Errc PipeStream::broken(int error) noexcept {
  error_.store(error, std::memory_order_relaxed);
  return Errc::kConnectionReset;
}

Result<std::size_t> PipeStream::try_read(MutableByteView into, std::size_t /*wanted*/) {
  if (interrupted_.load(std::memory_order_acquire)) return fail(Errc::kEndOfStream);
  const ssize_t count = ::read(incoming_.get(), into.data(), into.size());
  if (count > 0) return static_cast<std::size_t>(count);
  if (count == 0) return fail(Errc::kEndOfStream);
  if (errno == EAGAIN) return fail(Errc::kWouldBlock);
  if (errno == EINTR) return fail(Errc::kInterrupted);
  return fail(broken(errno));
}

Result<std::size_t> PipeStream::read(MutableByteView into, std::size_t wanted, Deadline deadline) {
  while (true) {
    SINEW_TRY(wait({.readable = true, .writable = false}, deadline));
    auto count = try_read(into, wanted);
    if (count || count.error() != Errc::kWouldBlock) return count;
  }
}

Result<std::size_t> PipeStream::try_write(std::span<const iovec> pieces) {
  if (interrupted_.load(std::memory_order_acquire)) return fail(Errc::kEndOfStream);
  const ssize_t count = ::writev(outgoing_.get(), pieces.data(), static_cast<int>(pieces.size()));
  if (count >= 0) return static_cast<std::size_t>(count);
  if (errno == EAGAIN) return fail(Errc::kWouldBlock);
  if (errno == EINTR) return fail(Errc::kInterrupted);
  return fail(broken(errno));
}

Result<Readiness> PipeStream::wait(Readiness wanted, Deadline deadline) {
  constexpr short kFailed = POLLERR | POLLHUP | POLLNVAL;
  // A negative descriptor makes poll skip the entry.
  std::array<pollfd, 3> entries{
      pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0},
      pollfd{.fd = wanted.readable ? incoming_.get() : -1, .events = POLLIN, .revents = 0},
      pollfd{.fd = wanted.writable ? outgoing_.get() : -1, .events = POLLOUT, .revents = 0}};
  SINEW_TRY(poll_until(entries, deadline));
  const bool interrupted = (entries[0].revents & POLLIN) != 0;
  return Readiness{.readable = interrupted || (entries[1].revents & (POLLIN | kFailed)) != 0,
                   .writable = interrupted || (entries[2].revents & (POLLOUT | kFailed)) != 0};
}

std::optional<std::size_t> PipeStream::unread() const noexcept {
  int count = 0;
  if (::ioctl(incoming_.get(), FIONREAD, &count) != 0) return std::nullopt;
  return static_cast<std::size_t>(count);
}

void PipeStream::interrupt() noexcept {
  interrupted_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  // Cannot fail in a way that matters: a full counter is a wake-up too.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

std::string PipeStream::last_error() const {
  const int error = error_.load(std::memory_order_relaxed);
  return error == 0 ? std::string() : std::generic_category().message(error);
}

}  // namespace sinew::io
