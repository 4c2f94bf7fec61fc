#include "foreign_stream.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "compat.h"
#include "gil.h"
#include "io/frame_cutter.h"

namespace sinew::python {
namespace {

class ForeignStream final : public io::Stream {
 public:
  ForeignStream(PyObject* stream, PyRef pending) noexcept
      : stream_(PyRef::share(stream)), pending_method_(std::move(pending)) {}
  ~ForeignStream() override {
    release_anywhere(stream_.release());
    if (pending_method_) release_anywhere(pending_method_.release());
  }

  Result<std::size_t> try_read(MutableByteView into, std::size_t wanted) override {
    const AdoptThread gil;
    SINEW_TRY(poll(0));
    return read_exactly(into, wanted);
  }

  Result<std::size_t> read(MutableByteView into, std::size_t wanted, Deadline deadline) override {
    const AdoptThread gil;
    SINEW_TRY(poll_until(deadline));
    return read_exactly(into, wanted);
  }

  Result<std::size_t> try_write(std::span<const iovec> pieces) override {
    std::size_t total = 0;
    for (const iovec& piece : pieces) total += piece.iov_len;
    const AdoptThread gil;
    const PyRef data =
        PyRef::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(total)));
    if (!data) return failed();
    char* to = PyBytes_AS_STRING(data.get());
    for (const iovec& piece : pieces) {
      std::memcpy(to, piece.iov_base, piece.iov_len);
      to += piece.iov_len;
    }
    if (write_frames(data.get())) return total;
    // Nobody knows how much of it was written, so Ctrl-C in here ends the connection, too; it stays
    // set for the caller.
    return PyErr_ExceptionMatches(PyExc_Exception) != 0 ? failed()
                                                        : remember("a write was interrupted");
  }

  void keep_frames_apart(const io::Framing& framing) override {
    if (pending_method_) cutter_.follow(framing);
  }

  Result<io::Readiness> wait(io::Readiness wanted, Deadline deadline) override {
    if (wanted.writable) return io::Readiness{.readable = false, .writable = true};
    const AdoptThread gil;
    SINEW_TRY(poll_until(deadline));
    return io::Readiness{.readable = true, .writable = false};
  }

  // As it was after the last read: who asks must not have to wait for the GIL.
  bool has_buffered() const noexcept override { return pending_.load(std::memory_order_acquire); }
  bool is_free_threaded() const noexcept override { return false; }

  void interrupt() noexcept override {
    if (interpreter_is_gone()) return;
    const AdoptThread gil;
    const PyRef pending = take_exception();
    const PyRef done = PyRef::steal(PyObject_CallMethod(stream_.get(), "close", nullptr));
    if (!done) PyErr_Clear();
    if (pending) restore_exception(PyRef::share(pending.get()));
  }

  int descriptor() const noexcept override {
    const AdoptThread gil;
    const PyRef number = PyRef::steal(PyObject_CallMethod(stream_.get(), "fileno", nullptr));
    const long descriptor = number ? PyLong_AsLong(number.get()) : -1;
    if (PyErr_Occurred() != nullptr) PyErr_Clear();
    return static_cast<int>(descriptor);
  }

  std::string last_error() const override {
    const std::scoped_lock lock(mutex_);
    return error_;
  }

  std::string describe() const override { return "a Python stream"; }

 private:
  // A wait is cut in slices so that another thread's close is seen: it cannot wake a poll.
  static constexpr double kSlice = 1.0;

  Result<void> poll(double seconds) {
    const PyRef ready = PyRef::steal(PyObject_CallMethod(stream_.get(), "poll", "d", seconds));
    const int truth = ready ? PyObject_IsTrue(ready.get()) : -1;
    if (truth < 0) return fail(failed().error());
    if (truth == 0) return fail(Errc::kWouldBlock);
    return {};
  }

  // All of it; frame by frame where the stream may be TLS. False with an exception set.
  bool write_frames(PyObject* data) noexcept {
    ByteView rest(reinterpret_cast<const std::uint8_t*>(PyBytes_AS_STRING(data)),
                  static_cast<std::size_t>(PyBytes_GET_SIZE(data)));
    while (!rest.empty()) {
      std::size_t count = 0;
      while (count < rest.size()) {
        count += cutter_.take(rest.subspan(count));
        if (cutter_.is_at_end()) break;
      }
      const PyRef piece =
          count == rest.size() && PyBytes_GET_SIZE(data) == std::ssize(rest)
              ? PyRef::share(data)
              : PyRef::steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(rest.data()),
                                                       static_cast<Py_ssize_t>(count)));
      const PyRef done =
          piece ? PyRef::steal(PyObject_CallMethod(stream_.get(), "write", "O", piece.get()))
                : PyRef();
      if (!done) return false;
      rest = rest.subspan(count);
    }
    return true;
  }

  void note_pending() noexcept {
    if (!pending_method_) return;
    const PyRef left = PyRef::steal(PyObject_CallNoArgs(pending_method_.get()));
    pending_.store(left && PyObject_IsTrue(left.get()) == 1, std::memory_order_release);
    if (!left) PyErr_Clear();
  }

  Result<void> poll_until(Deadline deadline) {
    while (true) {
      const double left = deadline.is_never()
                              ? kSlice
                              : std::chrono::duration<double>(deadline.remaining()).count();
      const auto ready = poll(std::min(left, kSlice));
      if (ready || ready.error() != Errc::kWouldBlock) return ready;
      if (deadline.passed()) return fail(Errc::kTimedOut);
    }
  }

  Result<std::size_t> read_exactly(MutableByteView into, std::size_t wanted) {
    const std::size_t count = std::clamp<std::size_t>(wanted, 1, into.size());
    const PyRef data = PyRef::steal(
        PyObject_CallMethod(stream_.get(), "read", "n", static_cast<Py_ssize_t>(count)));
    if (!data) return failed();
    note_pending();
    if (PyBytes_Check(data.get()) == 0 ||
        static_cast<std::size_t>(PyBytes_GET_SIZE(data.get())) > into.size()) {
      return remember("read() returned something else than the bytes asked for");
    }
    const auto got = static_cast<std::size_t>(PyBytes_GET_SIZE(data.get()));
    if (got == 0) return fail(Errc::kEndOfStream);
    std::memcpy(into.data(), PyBytes_AS_STRING(data.get()), got);
    return got;
  }

  // The Python exception that is set, as an error of this stream. One that is none (Ctrl-C) stays
  // set, and ends the wait instead (Peer::interrupted()).
  std::unexpected<Errc> failed() {
    if (PyErr_ExceptionMatches(PyExc_Exception) == 0) return fail(Errc::kInterrupted);
    const bool ended = PyErr_ExceptionMatches(PyExc_EOFError) != 0;
    const auto error = remember(take_exception_text());
    return ended ? fail(Errc::kEndOfStream) : error;
  }

  std::unexpected<Errc> remember(std::string what) {
    const std::scoped_lock lock(mutex_);
    error_ = std::move(what);
    return fail(Errc::kConnectionReset);
  }

  PyRef stream_;
  PyRef pending_method_;  // of its socket; empty unless that takes bytes off its descriptor early
  std::atomic<bool> pending_{false};
  io::FrameCutter cutter_;  // the writer's
  mutable std::mutex mutex_;
  std::string error_;  // guarded by mutex_
};

}  // namespace

std::string take_exception_text() {
  const PyRef exception = take_exception();
  const PyRef text = exception ? PyRef::steal(PyObject_Str(exception.get())) : PyRef();
  const char* const utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  std::string result = utf8 != nullptr ? utf8 : "the Python stream failed";
  PyErr_Clear();
  return result;
}

std::unique_ptr<io::Stream> make_foreign_stream(PyObject* stream) {
  // TLS, or something around it.
  const PyRef socket = PyRef::steal(PyObject_GetAttrString(stream, "sock"));
  PyRef pending = socket ? PyRef::steal(PyObject_GetAttrString(socket.get(), "pending")) : PyRef();
  PyErr_Clear();
  return std::make_unique<ForeignStream>(stream, std::move(pending));
}

}  // namespace sinew::python
