// Starting a connection over a stream: a socket, a pair of pipes, or a Python object.

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "connection_methods.h"
#include "connection_object.h"
#include "connection_options.h"
#include "errors.h"
#include "foreign_stream.h"
#include "io/pipe_stream.h"
#include "io/socket_stream.h"
#include "peer.h"
#include "ssl_socket_stream.h"
#include "tls_object.h"

namespace sinew::python {
namespace {

// Keeps the connection apart from the Python object the descriptor came from: that may be closed
// at any time.
io::Fd duplicate(int descriptor) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) {
    throw Error(Error::Kind::kFailed,
                std::string("cannot use the stream's descriptor: ") + std::strerror(errno));
  }
  return io::Fd(copy);
}

bool set_up(ConnectionObject* self, std::unique_ptr<io::Stream> stream) {
  if (self->peer != nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "the connection is set up already");
    return false;
  }
  if (self->config == nullptr) {
    PyErr_SetString(PyExc_TypeError, "_config must be set first");
    return false;
  }
  ConnectionOptions options;
  if (!options.read(self->config)) return false;
  if (!stream->is_free_threaded()) {
    // A sign of life that has to wait for the interpreter would prove nothing.
    options.session.heartbeat = Duration::zero();
    options.session.extensions.set(dialect::rpyc::Extension::kHeartbeat, 0);
  }
  options.rpc.heartbeat = options.session.heartbeat;
  self->peer = new Peer(self, std::move(stream), options.session, options.limits, options.rpc);
  if (options.rpc.heartbeat != Duration::zero() || options.rpc.frame_timeout != Duration::zero()) {
    self->peer->connection().ask_for_care();
  }
  return true;
}

}  // namespace

PyObject* connection_attach_socket(PyObject* object, PyObject* descriptor) {
  const int number = PyObject_AsFileDescriptor(descriptor);
  if (number < 0) return nullptr;
  if (!set_up(reinterpret_cast<ConnectionObject*>(object),
              std::make_unique<io::SocketStream>(duplicate(number)))) {
    return nullptr;
  }
  Py_RETURN_NONE;
}

PyObject* connection_attach_pipes(PyObject* object, PyObject* args) {
  int incoming = -1;
  int outgoing = -1;
  if (PyArg_ParseTuple(args, "ii", &incoming, &outgoing) == 0) return nullptr;
  auto stream = std::make_unique<io::PipeStream>(duplicate(incoming), duplicate(outgoing));
  if (!set_up(reinterpret_cast<ConnectionObject*>(object), std::move(stream))) return nullptr;
  Py_RETURN_NONE;
}

PyObject* connection_attach_stream(PyObject* object, PyObject* stream) {
  if (!set_up(reinterpret_cast<ConnectionObject*>(object), make_foreign_stream(stream)))
    return nullptr;
  Py_RETURN_NONE;
}

PyObject* connection_attach_tls(PyObject* object, PyObject* stream) {
  auto* const self = reinterpret_cast<ConnectionObject*>(object);
  auto shared = share_tls_stream(*self->state, stream);
  if (shared == nullptr || !set_up(self, std::move(shared))) return nullptr;
  Py_RETURN_NONE;
}

PyObject* connection_attach_ssl_socket(PyObject* object, PyObject* socket) {
  auto stream = make_ssl_socket_stream(socket);
  if (stream == nullptr || !set_up(reinterpret_cast<ConnectionObject*>(object), std::move(stream)))
    return nullptr;
  Py_RETURN_NONE;
}

}  // namespace sinew::python
