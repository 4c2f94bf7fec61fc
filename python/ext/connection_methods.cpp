// What a Connection can be asked to do: requests, serving, and a look at its state.

#include "connection_methods.h"

#include "async_result.h"
#include "connection_object.h"
#include "errors.h"
#include "gil.h"
#include "job.h"
#include "messages.h"
#include "overrides.h"
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

bool add_arguments(const State& state, Question& question, PyObject* args) noexcept {
  if (PyTuple_GET_SIZE(args) > 1 && is_netref(state, PyTuple_GET_ITEM(args, 1))) {
    question.set_target(as_netref(PyTuple_GET_ITEM(args, 1)));
  }
  for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(args); ++i) {
    if (!question.add(PyTuple_GET_ITEM(args, i))) return false;
  }
  return true;
}

// async_request() and a wait, because the program has something to say about either.
PyObject* sync_in_python(PyObject* object, PyObject* args) {
  Peer* const peer = self_of(object)->peer;
  const Settings* const settings = peer->settings();
  if (settings == nullptr) return nullptr;
  const PyRef timeout =
      PyRef::steal(settings->has_timeout ? PyFloat_FromDouble(settings->timeout_seconds)
                                         : PyRef::share(Py_None).release());
  const PyRef keywords = timeout ? PyRef::steal(PyDict_New()) : PyRef();
  if (!keywords || PyDict_SetItemString(keywords.get(), "timeout", timeout.get()) != 0) {
    return nullptr;
  }
  const PyRef ask = PyRef::steal(PyObject_GetAttrString(object, "async_request"));
  const PyRef result = ask ? PyRef::steal(PyObject_Call(ask.get(), args, keywords.get())) : PyRef();
  return result ? PyObject_GetAttrString(result.get(), "value") : nullptr;
}

PyObject* connection_sync_request(PyObject* object, PyObject* args) {
  Peer* const peer = peer_of(self_of(object));
  std::int64_t code = 0;
  if (peer == nullptr) return nullptr;
  if ((overridden(self_of(object)) & kSyncHooks) != 0) return sync_in_python(object, args);
  if (!begin_request(args, code)) return nullptr;
  Question question(*peer, static_cast<Handler>(code),
                    static_cast<std::size_t>(PyTuple_GET_SIZE(args) - 1));
  return add_arguments(*self_of(object)->state, question, args) ? question.ask() : nullptr;
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

// The request is made by `_async_request(handler, arguments, result)`.
PyObject* async_in_python(PyObject* object, PyObject* args, double seconds) {
  PyRef result = make_unsent_result(self_of(object));
  const PyRef rest = PyRef::steal(PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args)));
  if (!result || !rest) return nullptr;
  const PyRef sent = PyRef::steal(PyObject_CallMethod(
      object, "_async_request", "OOO", PyTuple_GET_ITEM(args, 0), rest.get(), result.get()));
  if (!sent) return nullptr;
  set_expiry(result.get(), seconds < 0 ? Deadline::never() : deadline_after(seconds));
  return result.release();
}

PyObject* connection_async_request(PyObject* object, PyObject* args, PyObject* kwargs) {
  ConnectionObject* const self = self_of(object);
  Peer* const peer = peer_of(self);
  std::int64_t code = 0;
  double seconds = 0;
  if (peer == nullptr || !begin_request(args, code) || !read_timeout(kwargs, seconds)) {
    return nullptr;
  }
  if ((overridden(self) & kSendHooks) != 0) return async_in_python(object, args, seconds);
  Question question(*peer, static_cast<Handler>(code),
                    static_cast<std::size_t>(PyTuple_GET_SIZE(args) - 1),
                    seconds < 0 ? Deadline::never() : deadline_after(seconds));
  if (!add_arguments(*self_of(object)->state, question, args)) return nullptr;
  PyRef result = make_async_result(self, question.seq());
  if (!result) return nullptr;
  note_subject(result.get(), question.subject());
  set_expiry(result.get(), question.deadline());
  const bool sent = question.send(call_of(result.get()), question.deadline(), /*later=*/true);
  return sent ? result.release() : nullptr;
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

// How long serve() is to wait: seconds, None for ever, or a Timeout. False with an exception set.
bool read_wait(const ConnectionObject* self, PyObject* timeout, Deadline& deadline) noexcept {
  PyRef left = PyRef::share(timeout);
  if (timeout != Py_None && PyNumber_Check(timeout) == 0) {
    left = PyRef::steal(PyObject_CallMethodNoArgs(timeout, self->state->names.timeleft.get()));
  }
  if (!left) return false;
  if (left.get() == Py_None) {
    deadline = Deadline::never();
    return true;
  }
  const double seconds = PyFloat_AsDouble(left.get());
  deadline = deadline_after(seconds);
  return seconds != -1 || PyErr_Occurred() == nullptr;
}

PyObject* connection_serve(PyObject* object, PyObject* args, PyObject* kwargs) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  PyObject* timeout = nullptr;
  int wait_for_lock = 1;
  PyObject* waiting = nullptr;  // asked first: whether there is still something to wait for
  static const char* const keywords[] = {"timeout", "wait_for_lock", "waiting", nullptr};
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "|OpO", const_cast<char**>(keywords), &timeout,
                                  &wait_for_lock, &waiting) == 0) {
    return nullptr;
  }
  Deadline deadline = deadline_after(1);
  if (timeout != nullptr && !read_wait(self_of(object), timeout, deadline)) return nullptr;
  if (wait_for_lock != 0) {
    PyRef served = wait_for_awaited(self_of(object), deadline);
    if (served || PyErr_Occurred() != nullptr) return served.release();
  }
  if (waiting != nullptr) {
    const PyRef wanted = PyRef::steal(PyObject_CallNoArgs(waiting));
    const int is_wanted = wanted ? PyObject_IsTrue(wanted.get()) : -1;
    if (is_wanted <= 0) return is_wanted < 0 ? nullptr : PyBool_FromLong(0);
  }
  if (peer->cooperator() != nullptr) {
    const double seconds =
        deadline.is_never() ? -1 : std::chrono::duration<double>(deadline.remaining()).count();
    const PyRef limit = PyRef::steal(PyFloat_FromDouble(seconds));
    if (!limit) return nullptr;
    return PyObject_CallMethodOneArg(peer->cooperator(), peer->state().names.serve.get(),
                                     limit.get());
  }
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

PyObject* connection_set_dispatcher(PyObject* object, PyObject* dispatcher) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  if (PyObject_TypeCheck(
          dispatcher, reinterpret_cast<PyTypeObject*>(peer->state().dispatcher_type.get())) == 0) {
    PyErr_Format(PyExc_TypeError,
                 "dispatcher must be one of sinew.dispatch, or of a class derived from "
                 "sinew.dispatch.Dispatcher, not %R",
                 dispatcher);
    return nullptr;
  }
  peer->set_dispatcher(dispatcher);
  Py_RETURN_NONE;
}

PyObject* connection_set_wakeup(PyObject* object, PyObject* descriptor) {
  Peer* const peer = peer_of(self_of(object));
  const int number = PyLong_AsLong(descriptor) == -1 ? -1 : PyObject_AsFileDescriptor(descriptor);
  if (peer == nullptr || PyErr_Occurred() != nullptr) return nullptr;
  peer->set_wakeup(number);
  Py_RETURN_NONE;
}

PyObject* connection_when_settled(PyObject* object, PyObject* work) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  cancel_coroutines(*peer);
  peer->when_settled(work);
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

PyObject* connection_set_replaceable(PyObject* object, PyObject* /*unused*/) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  peer->set_replaceable();
  Py_RETURN_NONE;
}

PyObject* connection_wait_until_dead(PyObject* object, PyObject* timeout) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  const double seconds = PyFloat_AsDouble(timeout);
  if (seconds == -1 && PyErr_Occurred() != nullptr) return nullptr;
  bool dead = false;
  {
    const AllowThreads unlocked;
    dead = peer->connection().wait_until_dead(deadline_after(seconds));
  }
  return PyErr_CheckSignals() == 0 ? PyBool_FromLong(dead) : nullptr;
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
    {"_set_dispatcher", caught<connection_set_dispatcher>, METH_O,
     "Says where the requests of the peer run."},
    {"_set_wakeup", caught<connection_set_wakeup>, METH_O,
     "An eventfd to be made readable when what was read waits to be served; -1 for none."},
    {"_when_settled", caught<connection_when_settled>, METH_O,
     "Has the dispatcher call function() when it has run what the peer has asked for."},
    {"_end", caught<connection_end>, METH_O, "Ends the connection for the reason given."},
    {"_set_override", caught<connection_set_override>, METH_VARARGS,
     "_set_override(handler, function): has function(conn, *args) serve that request."},
    {"_settings_changed", caught<connection_settings_changed>, METH_NOARGS,
     "To be called after a change of _config."},
    {"_set_replaceable", caught<connection_set_replaceable>, METH_NOARGS,
     "Has StaleReference raised when objects of it are used after its end."},
    {"_wait_until_dead", caught<connection_wait_until_dead>, METH_O,
     "Sleeps until the connection has ended, that many seconds at most; True if it has."},
    {"_expect_end", caught<connection_expect_end>, METH_O,
     "Says for which reason the connection will end; its end is then no surprise."},
    {"_extensions", caught<connection_extensions>, METH_NOARGS,
     "The names of the extensions that both sides agree on."},
    {"flush", caught<connection_flush>, METH_NOARGS,
     "Sends what is held back to travel with the next message: releases of dead netrefs."},
    {"_exported", caught<connection_exported>, METH_O,
     "Our object that the peer holds under an id; KeyError if it holds none."},
    {"_check_attr", caught<connection_check_attr>, METH_VARARGS,
     "_check_attr(obj, name, perm): the name under which the peer may use an attribute; "
     "AttributeError if it may not. perm is the configuration's key, allow_getattr or its kin."},
    {"_box", caught<connection_box>, METH_O,
     "_box(obj): (label, value), as an object goes over the wire; counts what is lent."},
    {"_unbox", caught<connection_unbox>, METH_O, "_unbox(package): the object in a box."},
    {"_send", caught<connection_send>, METH_VARARGS,
     "_send(msg, seq, args): sends a message: a request, a reply or an exception."},
    {"_get_seq_id", caught<connection_next_seq>, METH_NOARGS, "The number for the next request."},
    {"_netref_factory", caught<connection_netref_factory>, METH_O,
     "_netref_factory(id_pack): a netref for an object of the peer."},
    {"_release", caught<connection_release>, METH_VARARGS,
     "_release(id_pack, count=1): lets go of an object of ours that the peer gives back."},
    {"_export_id", caught<connection_export_id>, METH_O,
     "The id under which the peer holds an object of ours; KeyError if it does not."},
    {"_exports", caught<connection_exports>, METH_NOARGS,
     "What the peer holds: (id_pack, object, how often it was sent) of each."},
    {"_imports", caught<connection_imports>, METH_NOARGS, "The living netrefs."},
    {"_classes", caught<connection_classes>, METH_NOARGS,
     "The netref classes of the peer's classes: (id_pack, class) of each."},
    {"_adopt", caught<connection_adopt>, METH_O,
     "Has a netref that the program made stand for an object that the peer has lent."},
    {"_overrides", caught<connection_overrides>, METH_O,
     "_overrides(names): whether any of those methods is the program's own."},
    {"counts", caught<connection_counts>, METH_NOARGS,
     "How many objects and calls the connection has: exports, imports, questions."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace sinew::python
