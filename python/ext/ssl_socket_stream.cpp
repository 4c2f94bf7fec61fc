#include "ssl_socket_stream.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>

#include "foreign_stream.h"
#include "gil.h"
#include "io/fd.h"
#include "io/frame_cutter.h"
#include "io/wait.h"

// Design notes.
//   CPython gives the GIL up inside its SSL object, so the object needs a lock of its own: reading
//   and writing it at once is undefined. The lock comes before the GIL. A thread that holds the GIL
//   and does not get the lock lets go of the GIL first, for the holder may be waiting for it.
//   Nothing is held during a wait.
//   read() and write() rather than recv_into() and send(), which read and write plain bytes once
//   the TLS has been taken off the socket.

namespace sinew::python {
namespace {

class SslSocketStream final : public io::Stream {
 public:
  SslSocketStream(PyObject* socket, io::Fd descriptor, PyRef want_read, PyRef want_write) noexcept
      : socket_(PyRef::share(socket)),
        want_read_error_(std::move(want_read)),
        want_write_error_(std::move(want_write)),
        descriptor_(std::move(descriptor)) {}

  ~SslSocketStream() override {
    for (PyRef* held : {&socket_, &want_read_error_, &want_write_error_}) {
      release_anywhere(held->release());
    }
  }

  Result<std::size_t> try_read(MutableByteView into, std::size_t /*wanted*/) override {
    const Holder holder(*this);
    const PyRef view = PyRef::steal(PyMemoryView_FromMemory(
        reinterpret_cast<char*>(into.data()), static_cast<Py_ssize_t>(into.size()), PyBUF_WRITE));
    const PyRef done =
        view ? PyRef::steal(PyObject_CallMethod(socket_.get(), "read", "nO",
                                                static_cast<Py_ssize_t>(into.size()), view.get()))
             : PyRef();
    const PyRef released =
        view && done ? PyRef::steal(PyObject_CallMethod(view.get(), "release", nullptr)) : PyRef();
    reading_wants_room_.store(false, std::memory_order_relaxed);
    if (!released) return failed(reading_wants_room_);
    note_pending();
    const Py_ssize_t count = PyLong_AsSsize_t(done.get());
    if (count <= 0) return fail(Errc::kEndOfStream);
    return static_cast<std::size_t>(count);
  }

  Result<std::size_t> read(MutableByteView into, std::size_t wanted, Deadline deadline) override {
    while (true) {
      const auto count = try_read(into, wanted);
      if (count || count.error() != Errc::kWouldBlock) return count;
      SINEW_TRY(wait({.readable = true, .writable = false}, deadline));
    }
  }

  // What OpenSSL has refused once must be given to it again as it was: it stays in unsent_.
  Result<std::size_t> try_write(std::span<const iovec> pieces) override {
    const Holder holder(*this);
    std::size_t taken = 0;
    while (true) {
      if (unsent_.empty()) gather(pieces, taken);
      if (unsent_.empty()) return taken;
      const auto count = send();
      if (!count) return count.error() == Errc::kWouldBlock && taken != 0 ? taken : count;
      unsent_.erase(0, *count);
      taken += *count;
    }
  }

  void keep_frames_apart(const io::Framing& framing) override { cutter_.follow(framing); }

  Result<io::Readiness> wait(io::Readiness wanted, Deadline deadline) override {
    if (wanted.readable && has_buffered()) return io::Readiness{.readable = true};
    const short in = wanted.readable && reading_wants_room_.load(std::memory_order_relaxed)
                         ? POLLIN | POLLOUT
                         : POLLIN;
    const short out = writing_wants_bytes_.load(std::memory_order_relaxed) ? POLLIN : POLLOUT;
    pollfd entry{.fd = descriptor_.get(), .events = 0, .revents = 0};
    if (wanted.readable) entry.events |= in;
    if (wanted.writable) entry.events |= out;
    SINEW_TRY(io::poll_until({&entry, 1}, deadline));
    constexpr short kFailed = POLLERR | POLLHUP | POLLNVAL;
    return io::Readiness{.readable = wanted.readable && (entry.revents & (in | kFailed)) != 0,
                         .writable = wanted.writable && (entry.revents & (out | kFailed)) != 0};
  }

  bool has_buffered() const noexcept override { return pending_.load(std::memory_order_acquire); }
  bool is_free_threaded() const noexcept override { return false; }
  void interrupt() noexcept override { ::shutdown(descriptor_.get(), SHUT_RDWR); }
  int descriptor() const noexcept override { return descriptor_.get(); }

  std::string last_error() const override {
    const std::scoped_lock lock(error_mutex_);
    return error_;
  }

  std::string describe() const override { return "an ssl.SSLSocket"; }

 private:
  static constexpr std::size_t kBatch = 64 * 1024;

  // Holds the SSL object and the GIL.
  class Holder {
   public:
    explicit Holder(SslSocketStream& stream) noexcept : lock_(stream.mutex_, std::try_to_lock) {
      if (lock_.owns_lock()) return;
      const AllowThreads unlocked;
      lock_.lock();
    }

   private:
    AdoptThread gil_;  // first
    std::unique_lock<std::mutex> lock_;
  };

  // The next bytes behind the first `from`, up to the end of a frame.
  void gather(std::span<const iovec> pieces, std::size_t from) {
    for (const iovec& piece : pieces) {
      const std::size_t skipped = std::min(from, piece.iov_len);
      from -= skipped;
      ByteView bytes(static_cast<const std::uint8_t*>(piece.iov_base) + skipped,
                     piece.iov_len - skipped);
      while (!bytes.empty() && unsent_.size() < kBatch) {
        const std::size_t count =
            cutter_.take(bytes.first(std::min(bytes.size(), kBatch - unsent_.size())));
        unsent_.append(reinterpret_cast<const char*>(bytes.data()), count);
        if (cutter_.is_at_end()) return;
        bytes = bytes.subspan(count);
      }
    }
  }

  Result<std::size_t> send() {
    const PyRef view = PyRef::steal(PyMemoryView_FromMemory(
        unsent_.data(), static_cast<Py_ssize_t>(unsent_.size()), PyBUF_READ));
    const PyRef done =
        view ? PyRef::steal(PyObject_CallMethod(socket_.get(), "write", "O", view.get())) : PyRef();
    writing_wants_bytes_.store(false, std::memory_order_relaxed);
    if (!done) return failed(writing_wants_bytes_);
    const Py_ssize_t count = PyLong_AsSsize_t(done.get());
    if (count > 0) return static_cast<std::size_t>(count);
    if (PyErr_Occurred() != nullptr) PyErr_Clear();
    return fail(Errc::kWouldBlock);
  }

  void note_pending() noexcept {
    const PyRef left = PyRef::steal(PyObject_CallMethod(socket_.get(), "pending", nullptr));
    pending_.store(left && PyObject_IsTrue(left.get()) == 1, std::memory_order_release);
    if (!left) PyErr_Clear();
  }

  // What the exception that is set says. `other_direction` is set when the operation waits for the
  // direction that is not its own.
  std::unexpected<Errc> failed(std::atomic<bool>& other_direction) {
    const bool wants_read = PyErr_ExceptionMatches(want_read_error_.get()) != 0;
    if (wants_read || PyErr_ExceptionMatches(want_write_error_.get()) != 0) {
      PyErr_Clear();
      const bool reads = &other_direction == &reading_wants_room_;
      if (reads) pending_.store(false, std::memory_order_release);
      other_direction.store(wants_read != reads, std::memory_order_relaxed);
      return fail(Errc::kWouldBlock);
    }
    if (PyErr_ExceptionMatches(PyExc_Exception) == 0) return fail(Errc::kInterrupted);
    const std::string text = take_exception_text();
    const std::scoped_lock lock(error_mutex_);
    error_ = text;
    return fail(Errc::kConnectionReset);
  }

  PyRef socket_;
  PyRef want_read_error_;
  PyRef want_write_error_;
  const io::Fd descriptor_;          // our own: the socket may be closed at any time
  std::atomic<bool> pending_{true};  // OpenSSL may hold bytes: not known before the first read
  std::atomic<bool> reading_wants_room_{false};
  std::atomic<bool> writing_wants_bytes_{false};

  std::mutex mutex_;        // the SSL object's; before the GIL
  std::string unsent_;      // guarded by mutex_: given to OpenSSL, or about to be
  io::FrameCutter cutter_;  // guarded by mutex_, once the first write has been done

  mutable std::mutex error_mutex_;
  std::string error_;  // guarded by error_mutex_
};

}  // namespace

std::unique_ptr<io::Stream> make_ssl_socket_stream(PyObject* socket) {
  const int number = PyObject_AsFileDescriptor(socket);
  if (number < 0) return nullptr;
  io::Fd descriptor(::fcntl(number, F_DUPFD_CLOEXEC, 3));
  if (!descriptor) {
    PyErr_SetFromErrno(PyExc_OSError);
    return nullptr;
  }
  const PyRef module = PyRef::steal(PyImport_ImportModule("ssl"));
  if (!module) return nullptr;
  PyRef want_read = PyRef::steal(PyObject_GetAttrString(module.get(), "SSLWantReadError"));
  PyRef want_write = PyRef::steal(PyObject_GetAttrString(module.get(), "SSLWantWriteError"));
  const PyRef done = want_read && want_write
                         ? PyRef::steal(PyObject_CallMethod(socket, "setblocking", "i", 0))
                         : PyRef();
  if (!done) return nullptr;
  return std::make_unique<SslSocketStream>(socket, std::move(descriptor), std::move(want_read),
                                           std::move(want_write));
}

}  // namespace sinew::python
