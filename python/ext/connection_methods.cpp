// What a Connection can be asked to do: requests, serving, and a look at its state.

#include "connection_methods.h"

#include "access.h"
#include "async_result.h"
#include "connection_object.h"
#include "errors.h"
#include "gil.h"
#include "peer.h"
#include "question.h"
#include "slot.h"

namespace sinew::python {
namespace {

using dialect::rpyc::Handler;

ConnectionObject* self_of(PyObject* object) noexcept {
  return reinterpret_cast<ConnectionObject*>(object);
}

// ---------------------------------------------------------------------------------------------
// Asking

// A request from Python: the code, then its arguments. Null with an exception set.
bool begin_request(PyObject* args, std::int64_t& code) noexcept {
  if (PyTuple_GET_SIZE(args) < 1) {
    PyErr_SetString(PyExc_TypeError, "a request needs a handler number");
    return false;
  }
  code = PyLong_AsLongLong(PyTuple_GET_ITEM(args, 0));
  return code != -1 || PyErr_Occurred() == nullptr;
}

bool add_arguments(Question& question, PyObject* args) noexcept {
  for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(args); ++i) {
    if (!question.add(PyTuple_GET_ITEM(args, i))) return false;
  }
  return true;
}

PyObject* connection_sync_request(PyObject* object, PyObject* args) {
  Peer* const peer = peer_of(self_of(object));
  std::int64_t code = 0;
  if (peer == nullptr || !begin_request(args, code)) return nullptr;
  Question question(*peer, static_cast<Handler>(code),
                    static_cast<std::size_t>(PyTuple_GET_SIZE(args) - 1));
  return add_arguments(question, args) ? question.ask() : nullptr;
}

// The `timeout` keyword, the only one: -1 for none. False with an exception set.
bool read_timeout(PyObject* kwargs, double& seconds) noexcept {
  seconds = -1;
  if (kwargs == nullptr || PyDict_GET_SIZE(kwargs) == 0) return true;
  PyObject* const value = PyDict_GetItemString(kwargs, "timeout");
  if (value == nullptr || PyDict_GET_SIZE(kwargs) != 1) {
    PyErr_SetString(PyExc_TypeError, "async_request() takes one keyword argument, timeout");
    return false;
  }
  if (value == Py_None) return true;
  seconds = PyFloat_AsDouble(value);
  if (seconds == -1 && PyErr_Occurred() != nullptr) return false;
  if (seconds < 0) seconds = 0;
  return true;
}

PyObject* connection_async_request(PyObject* object, PyObject* args, PyObject* kwargs) {
  ConnectionObject* const self = self_of(object);
  Peer* const peer = peer_of(self);
  std::int64_t code = 0;
  double seconds = 0;
  if (peer == nullptr || !begin_request(args, code) || !read_timeout(kwargs, seconds)) {
    return nullptr;
  }
  Question question(*peer, static_cast<Handler>(code),
                    static_cast<std::size_t>(PyTuple_GET_SIZE(args) - 1),
                    seconds < 0 ? Deadline::never() : deadline_after(seconds));
  if (!add_arguments(question, args)) return nullptr;
  PyRef result = make_async_result(self, question.seq());
  if (!result) return nullptr;
  set_expiry(result.get(), question.deadline());
  return question.send(call_of(result.get()), /*later=*/true) ? result.release() : nullptr;
}

// ---------------------------------------------------------------------------------------------
// Serving

// What a wait for messages came to, as a bool; null with an exception set.
PyObject* served(Peer& peer, rpc::WaitStatus status) noexcept {
  switch (status) {
    case rpc::WaitStatus::kDone: Py_RETURN_TRUE;
    case rpc::WaitStatus::kTimedOut:
    case rpc::WaitStatus::kBusy: Py_RETURN_FALSE;
    case rpc::WaitStatus::kInterrupted:
      if (PyErr_Occurred() != nullptr) return nullptr;
      Py_RETURN_FALSE;
    case rpc::WaitStatus::kDead: break;
  }
  raise_dead(peer);
  return nullptr;
}

PyObject* connection_serve(PyObject* object, PyObject* args, PyObject* kwargs) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  PyObject* timeout = nullptr;
  int wait_for_lock = 1;
  PyObject* waiting = nullptr;  // stock's hook for other waiting threads: ours need no waking
  static const char* const keywords[] = {"timeout", "wait_for_lock", "waiting", nullptr};
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "|OpO", const_cast<char**>(keywords), &timeout,
                                  &wait_for_lock, &waiting) == 0) {
    return nullptr;
  }
  double seconds = 1;
  if (timeout != nullptr && timeout != Py_None) {
    seconds = PyFloat_AsDouble(timeout);
    if (seconds == -1 && PyErr_Occurred() != nullptr) return nullptr;
  }
  if (peer->cooperator() != nullptr) {
    const PyRef limit = PyRef::steal(PyFloat_FromDouble(timeout == Py_None ? -1 : seconds));
    if (!limit) return nullptr;
    return PyObject_CallMethodOneArg(peer->cooperator(), peer->state().names.serve.get(),
                                     limit.get());
  }
  const Deadline deadline = timeout == Py_None ? Deadline::never() : deadline_after(seconds);
  rpc::WaitStatus status{};
  {
    const AllowThreads unlocked;
    rpc::Connection& connection = peer->connection();
    status = connection.serve(deadline, /*once=*/true, wait_for_lock != 0);
    const bool served_some = status == rpc::WaitStatus::kDone;
    // What came along is served, too: a loop that waits for the descriptor would not come back.
    while (status == rpc::WaitStatus::kDone && connection.has_unserved()) {
      status = connection.serve(Deadline::after(Duration::zero()), /*once=*/true);
    }
    if (served_some && status != rpc::WaitStatus::kInterrupted) status = rpc::WaitStatus::kDone;
  }
  return served(*peer, status);
}

PyObject* connection_serve_forever(PyObject* object, PyObject* /*unused*/) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  if (peer->cooperator() != nullptr) {
    return PyObject_CallMethodNoArgs(peer->cooperator(), peer->state().names.serve_all.get());
  }
  rpc::WaitStatus status{};
  {
    const AllowThreads unlocked;
    status = peer->connection().serve(Deadline::never(), /*once=*/false);
  }
  return served(*peer, status);
}

// One message at most, and no waiting for it: what a cooperator serves with.
PyObject* connection_serve_now(PyObject* object, PyObject* /*unused*/) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  rpc::WaitStatus status{};
  {
    const AllowThreads unlocked;
    status = peer->connection().serve(Deadline::after(Duration::zero()), /*once=*/true,
                                      /*wait_for_turn=*/false);
  }
  return served(*peer, status);
}

PyObject* connection_set_cooperator(PyObject* object, PyObject* cooperator) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  peer->set_cooperator(cooperator);
  Py_RETURN_NONE;
}

// ---------------------------------------------------------------------------------------------
// Ending, looking

PyObject* connection_end(PyObject* object, PyObject* reason) {
  ConnectionObject* const self = self_of(object);
  const char* const text = PyUnicode_AsUTF8(reason);
  if (text == nullptr) return nullptr;
  if (self->peer == nullptr) Py_RETURN_NONE;
  self->peer->send_releases();
  {
    const AllowThreads unlocked;
    self->peer->connection().flush();
    self->peer->connection().fail(Error(Error::Kind::kDisconnected, text));
    // Nobody may wait any more: tells about the calls that this has completed.
    self->peer->connection().serve(Deadline::after(Duration::zero()), /*once=*/false);
  }
  self->peer->clear_tables();
  Py_RETURN_NONE;
}

PyObject* connection_set_override(PyObject* object, PyObject* args) {
  Peer* const peer = peer_of(self_of(object));
  long long handler = 0;
  PyObject* function = nullptr;
  if (peer == nullptr || PyArg_ParseTuple(args, "LO", &handler, &function) == 0) return nullptr;
  peer->set_override(handler, function == Py_None ? nullptr : function);
  Py_RETURN_NONE;
}

PyObject* connection_settings_changed(PyObject* object, PyObject* /*unused*/) {
  if (self_of(object)->peer != nullptr) self_of(object)->peer->settings_changed();
  Py_RETURN_NONE;
}

PyObject* connection_expect_end(PyObject* object, PyObject* reason) {
  ConnectionObject* const self = self_of(object);
  const char* const text = PyUnicode_AsUTF8(reason);
  if (text == nullptr) return nullptr;
  if (self->peer != nullptr) {
    self->peer->connection().expect_end(Error(Error::Kind::kDisconnected, text));
  }
  Py_RETURN_NONE;
}

PyObject* connection_extensions(PyObject* object, PyObject* /*unused*/) {
  Peer* const peer = peer_of(self_of(object));
  PyRef names = PyRef::steal(peer != nullptr ? PyFrozenSet_New(nullptr) : nullptr);
  if (!names) return nullptr;
  for (const auto& info : dialect::rpyc::kExtensions) {
    if (!peer->session().agrees_on(info.number)) continue;
    const PyRef name = PyRef::steal(
        PyUnicode_FromStringAndSize(info.name.data(), static_cast<Py_ssize_t>(info.name.size())));
    if (!name || PySet_Add(names.get(), name.get()) != 0) return nullptr;
  }
  return names.release();
}

PyObject* connection_flush(PyObject* object, PyObject* /*unused*/) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  peer->send_releases();
  {
    const AllowThreads unlocked;
    peer->connection().flush();
  }
  Py_RETURN_NONE;
}

// Our object that the peer names: (class name, class id, instance id).
PyObject* connection_exported(PyObject* object, PyObject* id_pack) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  object::ObjectIdView id;
  if (!read_id_pack(id_pack, id)) return nullptr;
  PyRef found = peer->exported_object(id);
  if (!found) PyErr_SetObject(PyExc_KeyError, id_pack);
  return found.release();
}

PyObject* connection_get_attribute(PyObject* object, PyObject* args) {
  Peer* const peer = peer_of(self_of(object));
  PyObject* target = nullptr;
  PyObject* name = nullptr;
  if (peer == nullptr || PyArg_ParseTuple(args, "OO", &target, &name) == 0) return nullptr;
  return get_attribute(*peer, target, name).release();
}

PyObject* connection_counts(PyObject* object, PyObject* /*unused*/) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  return Py_BuildValue("{s:n,s:n,s:n}", "exports", static_cast<Py_ssize_t>(peer->export_count()),
                       "imports", static_cast<Py_ssize_t>(peer->import_count()), "questions",
                       static_cast<Py_ssize_t>(peer->connection().pending_calls()));
}

}  // namespace

PyMethodDef kConnectionMethods[] = {
    {"_attach_socket", caught<connection_attach_socket>, METH_O,
     "Starts the connection over a connected socket, given by its descriptor."},
    {"_attach_pipes", caught<connection_attach_pipes>, METH_VARARGS,
     "Starts the connection over two descriptors: one to read, one to write."},
    {"_attach_stream", caught<connection_attach_stream>, METH_O,
     "Starts the connection over any object with read, write, poll, close and fileno."},
    {"_attach_tls", caught<connection_attach_tls>, METH_O,
     "Starts the connection over a TlsStream."},
    {"_attach_ssl_socket", caught<connection_attach_ssl_socket>, METH_O,
     "Starts the connection over an ssl.SSLSocket, which becomes non-blocking."},
    {"sync_request", caught<connection_sync_request>, METH_VARARGS,
     "sync_request(handler, *args): sends a request and returns what it is answered with."},
    {"async_request", caught_with_keywords<connection_async_request>(),
     METH_VARARGS | METH_KEYWORDS,
     "async_request(handler, *args, timeout=None): sends a request and returns an AsyncResult."},
    {"serve", caught_with_keywords<connection_serve>(), METH_VARARGS | METH_KEYWORDS,
     "serve(timeout=1, wait_for_lock=True): handles a message, and what has come along with it; "
     "False when none came."},
    {"_serve_forever", caught<connection_serve_forever>, METH_NOARGS,
     "Serves until the connection ends; raises EOFError then."},
    {"_serve_now", caught<connection_serve_now>, METH_NOARGS,
     "Handles a message if one is there; False if none is."},
    {"_set_cooperator", caught<connection_set_cooperator>, METH_O,
     "Has another object wait in the place of the engine, for programs whose threads are "
     "greenlets."},
    {"_end", caught<connection_end>, METH_O, "Ends the connection for the reason given."},
    {"_set_override", caught<connection_set_override>, METH_VARARGS,
     "_set_override(handler, function): has function(conn, *args) serve that request."},
    {"_settings_changed", caught<connection_settings_changed>, METH_NOARGS,
     "To be called after a change of _config."},
    {"_expect_end", caught<connection_expect_end>, METH_O,
     "Says for which reason the connection will end; its end is then no surprise."},
    {"_extensions", caught<connection_extensions>, METH_NOARGS,
     "The names of the extensions that both sides agree on."},
    {"flush", caught<connection_flush>, METH_NOARGS,
     "Sends what is held back to travel with the next message: releases of dead netrefs."},
    {"_exported", caught<connection_exported>, METH_O,
     "Our object that the peer holds under an id; KeyError if it holds none."},
    {"_get_attribute", caught<connection_get_attribute>, METH_VARARGS,
     "An attribute on behalf of the peer, as the configuration allows."},
    {"counts", caught<connection_counts>, METH_NOARGS,
     "How many objects and calls the connection has: exports, imports, questions."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace sinew::python
