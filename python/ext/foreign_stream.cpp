#include "foreign_stream.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "compat.h"
#include "gil.h"

namespace sinew::python {
namespace {

class ForeignStream final : public io::Stream {
 public:
  explicit ForeignStream(PyObject* stream) noexcept : stream_(PyRef::share(stream)) {}
  ~ForeignStream() override { release_anywhere(stream_.release()); }

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
    const PyRef done = PyRef::steal(PyObject_CallMethod(stream_.get(), "write", "O", data.get()));
    if (done) return total;
    // Nobody knows how much of it was written, so Ctrl-C in here ends the connection, too; it stays
    // set for the caller.
    return PyErr_ExceptionMatches(PyExc_Exception) != 0 ? failed()
                                                        : remember("a write was interrupted");
  }

  Result<io::Readiness> wait(io::Readiness wanted, Deadline deadline) override {
    if (wanted.writable) return io::Readiness{.readable = false, .writable = true};
    const AdoptThread gil;
    SINEW_TRY(poll_until(deadline));
    return io::Readiness{.readable = true, .writable = false};
  }

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
    const PyRef exception = take_exception();
    const PyRef text = exception ? PyRef::steal(PyObject_Str(exception.get())) : PyRef();
    const char* const utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
    PyErr_Clear();
    const auto error = remember(utf8 != nullptr ? utf8 : "the Python stream failed");
    return ended ? fail(Errc::kEndOfStream) : error;
  }

  std::unexpected<Errc> remember(const char* what) {
    const std::scoped_lock lock(mutex_);
    error_ = what;
    return fail(Errc::kConnectionReset);
  }

  PyRef stream_;
  mutable std::mutex mutex_;
  std::string error_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<io::Stream> make_foreign_stream(PyObject* stream) {
  return std::make_unique<ForeignStream>(stream);
}

}  // namespace sinew::python
