// TlsContext and TlsStream: the engine's TLS as Python objects. What a user sees is made of them in
// sinew/tls.py.

#include "tls_object.h"

#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "certificate_dict.h"
#include "errors.h"
#include "gil.h"
#include "io/socket_stream.h"
#include "io/tls_stream.h"
#include "slot.h"

namespace sinew::python {
namespace {

using ContextRef = std::shared_ptr<const io::TlsContext>;
using StreamRef = std::shared_ptr<io::TlsStream>;

struct ContextObject {
  PyObject ob_base;
  State* state;
  ContextRef context;
};

struct StreamObject {
  PyObject ob_base;
  StreamRef stream;
};

ContextObject* context_of(PyObject* object) noexcept {
  return reinterpret_cast<ContextObject*>(object);
}

io::TlsStream& stream_of(PyObject* object) noexcept {
  return *reinterpret_cast<StreamObject*>(object)->stream;
}

// ---------------------------------------------------------------------------------------------
// TlsContext

PyObject* context_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const keywords[] = {"serves",  "certfile",    "keyfile",     "cafile",
                                         "capath",  "crlfile",     "verify",      "check_host",
                                         "ciphers", "min_version", "max_version", nullptr};
  io::TlsOptions options;
  int serves = 0;
  int verify = 2;
  int check_host = 1;
  const char* files[5] = {"", "", "", "", ""};
  const char* ciphers = "";
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "|$psssssipsii:TlsContext",
                                  const_cast<char**>(keywords), &serves, &files[0], &files[1],
                                  &files[2], &files[3], &files[4], &verify, &check_host, &ciphers,
                                  &options.min_version, &options.max_version) == 0) {
    return nullptr;
  }
  if (verify < 0 || verify > 2) {
    PyErr_SetString(PyExc_ValueError, "verify must be 0 (nothing), 1 (optional) or 2 (required)");
    return nullptr;
  }
  options.role = serves != 0 ? io::TlsOptions::Role::kServer : io::TlsOptions::Role::kClient;
  options.certificate_file = files[0];
  options.key_file = files[1];
  options.ca_file = files[2];
  options.ca_directory = files[3];
  options.crl_file = files[4];
  options.verify = static_cast<io::TlsOptions::Verify>(verify);
  options.check_host_name = check_host != 0;
  options.ciphers = ciphers;
  State* const state = state_of(type);
  if (state == nullptr) return nullptr;
  ContextRef made;
  try {
    const AllowThreads unlocked;  // it reads files
    made = std::make_shared<const io::TlsContext>(std::move(options));
  } catch (const Error& error) {
    // As ssl does: all that may be wrong is a file or the library.
    PyErr_SetString(PyExc_OSError, error.what());
    return nullptr;
  }
  PyObject* const object = type->tp_alloc(type, 0);
  if (object == nullptr) return nullptr;
  context_of(object)->state = state;
  new (&context_of(object)->context) ContextRef(std::move(made));
  return object;
}

void context_dealloc(PyObject* object) noexcept {
  PyTypeObject* const type = Py_TYPE(object);
  context_of(object)->context.~ContextRef();
  type->tp_free(object);
  Py_DECREF(type);
}

// The descriptor is duplicated: its Python socket may be closed at any time.
PyObject* context_start(PyObject* object, PyObject* args) {
  int descriptor = -1;
  const char* host = nullptr;
  if (PyArg_ParseTuple(args, "is:start", &descriptor, &host) == 0) return nullptr;
  io::Fd socket(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
  if (!socket) return PyErr_SetFromErrno(PyExc_OSError);
  StreamRef made;
  try {
    made = std::make_shared<io::TlsStream>(std::make_unique<io::SocketStream>(std::move(socket)),
                                           context_of(object)->context, host);
  } catch (const Error& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
    return nullptr;
  }
  auto* const type =
      reinterpret_cast<PyTypeObject*>(context_of(object)->state->tls_stream_type.get());
  PyObject* const stream = type->tp_alloc(type, 0);
  if (stream == nullptr) return nullptr;
  new (&reinterpret_cast<StreamObject*>(stream)->stream) StreamRef(std::move(made));
  return stream;
}

// ---------------------------------------------------------------------------------------------
// TlsStream

void stream_dealloc(PyObject* object) noexcept {
  PyTypeObject* const type = Py_TYPE(object);
  reinterpret_cast<StreamObject*>(object)->stream.~StreamRef();
  type->tp_free(object);
  Py_DECREF(type);
}

// Calls `attempt(until)` without the GIL until it gives something else than that there was not
// enough time; looks at signals meanwhile. kInterrupted: an exception is set.
template <class Attempt>
auto keep_trying(Deadline deadline, Attempt attempt) -> decltype(attempt(deadline)) {
  constexpr Duration kSlice = std::chrono::milliseconds(150);
  while (true) {
    const auto result = [&] {
      const AllowThreads unlocked;
      return attempt(Deadline::earlier(deadline, Deadline::after(kSlice)));
    }();
    const bool again =
        !result && (result.error() == Errc::kInterrupted || result.error() == Errc::kTimedOut);
    if (!again || (result.error() == Errc::kTimedOut && deadline.passed())) return result;
    if (PyErr_CheckSignals() != 0) return fail(Errc::kInterrupted);
  }
}

bool read_deadline(PyObject* timeout, Deadline& into) noexcept {
  if (timeout == Py_None) return true;
  const double seconds = PyFloat_AsDouble(timeout);
  if (seconds == -1 && PyErr_Occurred() != nullptr) return false;
  into = deadline_after(seconds);
  return true;
}

// None, or (the code's sentence, what went wrong, OpenSSL's number for what is wrong with the
// certificate or 0).
PyObject* stream_handshake(PyObject* object, PyObject* timeout) {
  io::TlsStream& stream = stream_of(object);
  Deadline deadline = Deadline::never();
  if (!read_deadline(timeout, deadline)) return nullptr;
  const auto done = keep_trying(deadline, [&](Deadline until) { return stream.handshake(until); });
  if (done) Py_RETURN_NONE;
  if (done.error() == Errc::kInterrupted) return nullptr;
  const bool timed_out = done.error() == Errc::kTimedOut;
  const std::string text = timed_out ? "the peer did not answer in time" : stream.last_error();
  return Py_BuildValue("(isl)", static_cast<int>(timed_out), text.c_str(), stream.verify_error());
}

PyObject* raise_broken(const io::TlsStream& stream) {
  PyErr_SetString(PyExc_OSError, stream.last_error().c_str());
  return nullptr;
}

// What is there, at most that much; nothing at the end.
PyObject* stream_read(PyObject* object, PyObject* args) {
  io::TlsStream& stream = stream_of(object);
  Py_buffer into;
  PyObject* timeout = Py_None;
  if (PyArg_ParseTuple(args, "w*|O:read_into", &into, &timeout) == 0) return nullptr;
  Deadline deadline = Deadline::never();
  Result<std::size_t> count = 0;
  const bool valid = read_deadline(timeout, deadline);
  if (valid && into.len > 0) {
    const MutableByteView bytes(static_cast<std::uint8_t*>(into.buf),
                                static_cast<std::size_t>(into.len));
    count = keep_trying(deadline, [&](Deadline until) { return stream.read(bytes, 1, until); });
  }
  PyBuffer_Release(&into);
  if (!valid) return nullptr;
  if (count) return PyLong_FromSize_t(*count);
  if (count.error() == Errc::kEndOfStream) return PyLong_FromLong(0);
  if (count.error() == Errc::kInterrupted) return nullptr;
  if (count.error() == Errc::kTimedOut) {
    PyErr_SetString(PyExc_TimeoutError, "timed out");
    return nullptr;
  }
  return raise_broken(stream);
}

Result<void> write_all(io::TlsStream& stream, ByteView bytes) {
  while (!bytes.empty()) {
    const iovec piece{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    const auto written = stream.try_write({&piece, 1});
    if (written) {
      bytes = bytes.subspan(*written);
      continue;
    }
    if (written.error() != Errc::kWouldBlock) return fail(written.error());
    const auto ready = keep_trying(Deadline::never(), [&](Deadline until) {
      return stream.wait({.readable = false, .writable = true}, until);
    });
    if (!ready) return fail(ready.error());
  }
  return {};
}

PyObject* stream_write(PyObject* object, PyObject* data) {
  Py_buffer view;
  if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) != 0) return nullptr;
  const auto done = write_all(stream_of(object), {static_cast<const std::uint8_t*>(view.buf),
                                                  static_cast<std::size_t>(view.len)});
  PyBuffer_Release(&view);
  if (done) Py_RETURN_NONE;
  return done.error() == Errc::kInterrupted ? nullptr : raise_broken(stream_of(object));
}

PyObject* stream_pending(PyObject* object, PyObject* /*unused*/) {
  return PyBool_FromLong(stream_of(object).has_buffered());
}

PyObject* stream_end(PyObject* object, PyObject* /*unused*/) {
  stream_of(object).interrupt();
  Py_RETURN_NONE;
}

PyObject* stream_peer_certificate(PyObject* object, PyObject* binary) {
  const int raw = PyObject_IsTrue(binary);
  if (raw < 0) return nullptr;
  const auto shown = stream_of(object).peer_certificate();
  if (!shown) Py_RETURN_NONE;
  if (raw == 0) return describe_certificate(*shown).release();
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(shown->der.data()),
                                   static_cast<Py_ssize_t>(shown->der.size()));
}

PyObject* stream_version(PyObject* object, PyObject* /*unused*/) {
  return PyUnicode_FromString(stream_of(object).version().c_str());
}

PyObject* stream_cipher(PyObject* object, PyObject* /*unused*/) {
  const auto cipher = stream_of(object).cipher();
  return Py_BuildValue("(ssi)", cipher.name.c_str(), cipher.version.c_str(), cipher.bits);
}

// ---------------------------------------------------------------------------------------------

// A connection owns its stream; the Python socket around it goes on looking at it.
class SharedStream final : public io::Stream {
 public:
  explicit SharedStream(StreamRef stream) noexcept : stream_(std::move(stream)) {}

  Result<std::size_t> try_read(MutableByteView into, std::size_t wanted) override {
    return stream_->try_read(into, wanted);
  }
  Result<std::size_t> read(MutableByteView into, std::size_t wanted, Deadline deadline) override {
    return stream_->read(into, wanted, deadline);
  }
  Result<std::size_t> try_write(std::span<const iovec> pieces) override {
    return stream_->try_write(pieces);
  }
  void keep_frames_apart(const io::Framing& framing) override {
    stream_->keep_frames_apart(framing);
  }
  Result<io::Readiness> wait(io::Readiness wanted, Deadline deadline) override {
    return stream_->wait(wanted, deadline);
  }
  bool has_buffered() const noexcept override { return stream_->has_buffered(); }
  void hasten_acknowledgement() noexcept override { stream_->hasten_acknowledgement(); }
  void interrupt() noexcept override { stream_->interrupt(); }
  int descriptor() const noexcept override { return stream_->descriptor(); }
  std::string last_error() const override { return stream_->last_error(); }
  std::string describe() const override { return stream_->describe(); }

 private:
  const StreamRef stream_;
};

PyMethodDef context_methods[] = {
    {"start", caught<context_start>, METH_VARARGS,
     "start(descriptor, host): TLS over a connected socket, the handshake yet to be done."},
    {nullptr, nullptr, 0, nullptr}};

PyMethodDef stream_methods[] = {
    {"handshake", caught<stream_handshake>, METH_O,
     "handshake(timeout): None, or (timed out, what is wrong, OpenSSL's number of it)."},
    {"read_into", caught<stream_read>, METH_VARARGS,
     "read_into(buffer, timeout=None): the number of bytes read; 0 at the end."},
    {"write", caught<stream_write>, METH_O, "Writes all of the bytes."},
    {"pending", caught<stream_pending>, METH_NOARGS,
     "Whether bytes may be left that the descriptor does not show."},
    {"end", caught<stream_end>, METH_NOARGS, "Says farewell and ends both directions."},
    {"peer_certificate", caught<stream_peer_certificate>, METH_O,
     "peer_certificate(binary): as ssl describes it, or its bytes; None if none was shown."},
    {"version", caught<stream_version>, METH_NOARGS, "The version of TLS."},
    {"cipher", caught<stream_cipher>, METH_NOARGS, "(name, version, bits) of the cipher."},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot context_slots[] = {
    {Py_tp_doc, const_cast<char*>("What one side of TLS shows and demands: files read once.")},
    {Py_tp_new, reinterpret_cast<void*>(caught<context_new>)},
    {Py_tp_dealloc, reinterpret_cast<void*>(context_dealloc)},
    {Py_tp_methods, context_methods},
    {0, nullptr}};

PyType_Slot stream_slots[] = {{Py_tp_doc, const_cast<char*>("TLS over a socket.")},
                              {Py_tp_dealloc, reinterpret_cast<void*>(stream_dealloc)},
                              {Py_tp_methods, stream_methods},
                              {0, nullptr}};

PyType_Spec context_spec = {"sinew._sinew.TlsContext", sizeof(ContextObject), 0, Py_TPFLAGS_DEFAULT,
                            context_slots};
PyType_Spec stream_spec = {"sinew._sinew.TlsStream", sizeof(StreamObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, stream_slots};

}  // namespace

bool init_tls_types(State& state, PyObject* module) noexcept {
  state.tls_context_type = PyRef::steal(PyType_FromModuleAndSpec(module, &context_spec, nullptr));
  state.tls_stream_type = PyRef::steal(PyType_FromModuleAndSpec(module, &stream_spec, nullptr));
  return state.tls_context_type && state.tls_stream_type &&
         PyModule_AddObjectRef(module, "TlsContext", state.tls_context_type.get()) == 0 &&
         PyModule_AddObjectRef(module, "TlsStream", state.tls_stream_type.get()) == 0;
}

std::unique_ptr<io::Stream> share_tls_stream(State& state, PyObject* object) {
  auto* const type = reinterpret_cast<PyTypeObject*>(state.tls_stream_type.get());
  if (PyObject_TypeCheck(object, type) == 0) {
    PyErr_Format(PyExc_TypeError, "a TlsStream is needed, not %R", object);
    return nullptr;
  }
  return std::make_unique<SharedStream>(reinterpret_cast<StreamObject*>(object)->stream);
}

}  // namespace sinew::python
