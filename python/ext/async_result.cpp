// AsyncResult: a question whose answer is collected later.

#include "async_result.h"

#include <structmember.h>

#include <cstddef>
#include <new>

#include "async_result_object.h"
#include "base/counters.h"
#include "compat.h"
#include "errors.h"
#include "gil.h"
#include "give_back.h"
#include "job.h"
#include "messages.h"
#include "overrides.h"
#include "peer.h"
#include "question.h"
#include "slot.h"

namespace sinew::python {
namespace {

// ---------------------------------------------------------------------------------------------
// Life

// AsyncResult(connection): of a request that was not sent; who calls it gives it its value.
PyObject* async_result_new(PyTypeObject* type, PyObject* args, PyObject* /*kwargs*/) {
  const State* const state = state_of(type);
  PyObject* connection = nullptr;
  if (state == nullptr ||
      PyArg_ParseTuple(args, "O!:AsyncResult", state->connection_type.get(), &connection) == 0) {
    return nullptr;
  }
  return make_unsent_result(reinterpret_cast<ConnectionObject*>(connection)).release();
}

// For programs that make a result themselves and say so in stock's way.
PyObject* async_result_get_is_ready(PyObject* object, void* /*closure*/) {
  return PyBool_FromLong(is_done(self_of(object)));
}

int async_result_set_is_ready(PyObject* object, PyObject* is_ready, void* /*closure*/) {
  AsyncResultObject* const self = self_of(object);
  const int truth = is_ready != nullptr ? PyObject_IsTrue(is_ready) : -1;
  if (truth < 1 || self->call) {
    if (PyErr_Occurred() == nullptr) {
      PyErr_SetString(PyExc_AttributeError,
                      "_is_ready can be set to True, before the request is sent");
    }
    return -1;
  }
  if (self->value == nullptr) self->value = PyRef::share(Py_None).release();
  return 0;
}

void async_result_dealloc(PyObject* object) noexcept {
  AsyncResultObject* const self = self_of(object);
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (self->weak_references != nullptr) PyObject_ClearWeakRefs(object);
  Peer* const peer = self->connection != nullptr ? self->connection->peer : nullptr;
  if (peer != nullptr && self->call) {
    peer->connection().forget(*self->call);
    if (self->value == nullptr) give_back_answer(*peer, *self->call);
    peer->answer_taken(*self->call);
  }
  count_live(Counted::kAsyncResult, -1);
  self->call.~optional();
  Py_CLEAR(self->turn);
  Py_CLEAR(self->subject.name);
  Py_CLEAR(self->callbacks);
  Py_CLEAR(self->value);
  Py_CLEAR(self->connection);
  type->tp_free(object);
  Py_DECREF(type);
}

int async_result_traverse(PyObject* object, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self_of(object)->connection);
  Py_VISIT(self_of(object)->callbacks);
  Py_VISIT(self_of(object)->value);
  return 0;
}

int async_result_clear(PyObject* object) noexcept {
  Py_CLEAR(self_of(object)->callbacks);
  Py_CLEAR(self_of(object)->value);
  return 0;
}

// ---------------------------------------------------------------------------------------------
// Methods

void raise_given_up(AsyncResultObject& self, Peer& peer) noexcept {
  if (self.cancelled) {
    PyErr_SetString(peer.state().cancelled_error.get(), "the call was cancelled");
    return;
  }
  if (!std::exchange(self.told_peer, true)) peer.send_cancel(self.call->seq());
  raise_too_late(peer, self.subject);
}

PyObject* async_result_wait(PyObject* object, PyObject* /*unused*/) {
  AsyncResultObject* const self = self_of(object);
  Peer* const peer = peer_of(self);
  if (peer == nullptr) return nullptr;
  if (!self->call || is_taken(self, hook_bit(Hook::kServe))) {
    if (!wait_by_serving(self)) return nullptr;
    if (self->value != nullptr) Py_RETURN_NONE;
    if (!self->call) {
      PyErr_SetString(PyExc_TimeoutError, "result expired");  // of a request that was not sent
      return nullptr;
    }
  }
  if (!self->call->done() && !wait_by_the_engine(*peer, self)) return nullptr;
  announce_if_pending(*peer, *self->call);
  if (self->by_number && self->call->done()) {
    deliver(self);
    if (!wait_by_serving(self)) return nullptr;
  }
  if (self->value != nullptr) Py_RETURN_NONE;
  if (!is_done(self)) {
    is_expired(self);  // from now on, whatever comes
    raise_given_up(*self, *peer);
    return nullptr;
  }
  if (self->call->outcome() == rpc::Call::Outcome::kFailed) {
    raise_error(*self->call->error());
    return nullptr;
  }
  Py_RETURN_NONE;
}

PyObject* async_result_get_value(PyObject* object, void* /*closure*/) {
  AsyncResultObject* const self = self_of(object);
  const PyRef waited = PyRef::steal(async_result_wait(object, nullptr));
  if (!waited || !decode(self)) return nullptr;
  if (!self->is_exception) return PyRef::share(self->value).release();
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(self->value)), self->value);
  return nullptr;
}

PyObject* async_result_get_ready(PyObject* object, void* /*closure*/) {
  AsyncResultObject* const self = self_of(object);
  if (!is_done(self) && !is_expired(self) && !poll_once(self)) return nullptr;
  return PyBool_FromLong(is_done(self));
}

PyObject* async_result_get_error(PyObject* object, void* /*closure*/) {
  const PyRef ready = PyRef::steal(async_result_get_ready(object, nullptr));
  if (!ready) return nullptr;
  const AsyncResultObject* const self = self_of(object);
  if (!is_done(self)) Py_RETURN_FALSE;
  const bool failed = self->value != nullptr ? self->is_exception
                                             : self->call->outcome() != rpc::Call::Outcome::kReply;
  return PyBool_FromLong(failed);
}

PyObject* async_result_get_over(PyObject* object, void* /*closure*/) {
  AsyncResultObject* const self = self_of(object);
  return PyBool_FromLong(!self->call || self->call->done() || is_expired(self));
}

PyObject* async_result_get_expired(PyObject* object, void* /*closure*/) {
  return PyBool_FromLong(is_expired(self_of(object)));
}

PyObject* async_result_set_expiry(PyObject* object, PyObject* timeout) {
  if (timeout == Py_None) {
    set_expiry(object, Deadline::never());
    Py_RETURN_NONE;
  }
  const double seconds = PyFloat_AsDouble(timeout);
  if (seconds == -1 && PyErr_Occurred() != nullptr) return nullptr;
  set_expiry(object, deadline_after(seconds));
  Py_RETURN_NONE;
}

// The caller is free at once; the peer is told, and stops the work if it can.
PyObject* async_result_cancel(PyObject* object, PyObject* /*unused*/) {
  AsyncResultObject* const self = self_of(object);
  Peer* const peer = peer_of(self);
  if (peer == nullptr) return nullptr;
  if (!self->call || is_done(self) || is_expired(self)) Py_RETURN_FALSE;
  peer->connection().set_expiry(*self->call, Deadline::after(Duration::zero()));
  if (!is_expired(self)) Py_RETURN_FALSE;  // answered in this very instant
  self->cancelled = true;
  peer->send_cancel(self->call->seq());
  announce_if_pending(*peer, *self->call);
  Py_RETURN_TRUE;
}

PyObject* async_result_add_callback(PyObject* object, PyObject* function) {
  AsyncResultObject* const self = self_of(object);
  if (is_done(self)) return PyObject_CallOneArg(function, object);
  if (self->callbacks == nullptr) self->callbacks = PyList_New(0);
  if (self->callbacks == nullptr || PyList_Append(self->callbacks, function) != 0) return nullptr;
  Peer* const peer = peer_of(self);
  if (peer == nullptr) return nullptr;
  if (self->announced || !self->call) Py_RETURN_NONE;
  if (peer->connection().notify_on_completion(*self->call)) {
    self->announced = true;
    Py_INCREF(object);  // until announce_completion(): the program may drop the result now
    Py_RETURN_NONE;
  }
  // Answered, or given up, between the look and the request to be told.
  Py_CLEAR(self->callbacks);
  if (!is_done(self)) Py_RETURN_NONE;
  return PyObject_CallOneArg(function, object);
}

void run_callbacks(AsyncResultObject* self) noexcept {
  const PyRef callbacks = PyRef::steal(std::exchange(self->callbacks, nullptr));
  if (!callbacks) return;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(callbacks.get()); ++i) {
    const PyRef function = PyRef::share(PyList_GET_ITEM(callbacks.get(), i));
    const PyRef done =
        PyRef::steal(PyObject_CallOneArg(function.get(), reinterpret_cast<PyObject*>(self)));
    if (!done) report_unraisable(function.get());
  }
}

// result(is_exception, value): what `_seq_request_callback` does with the answer.
PyObject* async_result_call(PyObject* object, PyObject* args, PyObject* /*kwargs*/) {
  AsyncResultObject* const self = self_of(object);
  int is_exception = 0;
  PyObject* value = nullptr;
  if (PyArg_ParseTuple(args, "pO", &is_exception, &value) == 0) return nullptr;
  if (self->value != nullptr || is_expired(self)) Py_RETURN_NONE;
  if (is_exception != 0 && PyExceptionInstance_Check(value) == 0) {
    PyErr_SetString(PyExc_TypeError, "the result is to be an exception");
    return nullptr;
  }
  self->is_exception = is_exception != 0;
  self->value = PyRef::share(value).release();
  if (!self->announced) run_callbacks(self);  // else whoever announces it does
  Py_RETURN_NONE;
}

// Whether a wait is to go on; what conn.serve() gets as `waiting`.
PyObject* async_result_waiting(PyObject* object, PyObject* /*unused*/) {
  return PyBool_FromLong(!is_done(self_of(object)) && !is_expired(self_of(object)));
}

PyObject* async_result_get_delivered(PyObject* object, void* /*closure*/) {
  return PyBool_FromLong(self_of(object)->delivered ? 1 : 0);
}

// Seconds until it expires, or None.
PyObject* async_result_get_timeleft(PyObject* object, void* /*closure*/) {
  const Deadline expiry = self_of(object)->expiry;
  if (expiry.is_never()) Py_RETURN_NONE;
  return PyFloat_FromDouble(std::chrono::duration<double>(expiry.remaining()).count());
}

PyObject* async_result_repr(PyObject* object) {
  AsyncResultObject* const self = self_of(object);
  const char* state = "pending";
  if (is_done(self)) {
    state = "ready";  // of an error, too, as stock has it
  } else if (is_expired(self)) {
    state = "expired";
  }
  return PyUnicode_FromFormat("<AsyncResult object (%s) at %p>", state, object);
}

PyObject* async_result_await(PyObject* object) {
  const PyRef module = PyRef::steal(PyImport_ImportModule("sinew.awaiting"));
  return module ? PyObject_CallMethod(module.get(), "wait_for", "O", object) : nullptr;
}

PyMethodDef methods[] = {
    {"wait", caught<async_result_wait>, METH_NOARGS,
     "Waits for the answer, serving meanwhile; raises AsyncResultTimeout when it expires first."},
    {"add_callback", caught<async_result_add_callback>, METH_O,
     "Has function(self) called when the answer comes, or now if it is there already."},
    {"cancel", caught<async_result_cancel>, METH_NOARGS,
     "Gives the call up: waiting for it raises Cancelled from now on, and a peer of ours stops the "
     "work if it can. False if it is done or has expired."},
    {"set_expiry", caught<async_result_set_expiry>, METH_O,
     "Sets the time from now, in seconds or None for never, after which the result expires."},
    {"_waiting", caught<async_result_waiting>, METH_NOARGS,
     "Whether there is something to wait for."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef getset[] = {
    {"_is_ready", caught<async_result_get_is_ready>, caught<async_result_set_is_ready>,
     "Whether there is an answer. Set to True in a result of one's own: the answer is None.",
     nullptr},
    {"_delivered", caught<async_result_get_delivered>, nullptr,
     "Whether the answer was given to the connection's methods.", nullptr},
    {"_timeleft", caught<async_result_get_timeleft>, nullptr,
     "The seconds until the result expires; None for never.", nullptr},
    {"value", caught<async_result_get_value>, nullptr,
     "The result, waited for; raises what the call raised, or AsyncResultTimeout.", nullptr},
    {"ready", caught<async_result_get_ready>, nullptr,
     "Whether the answer is there. Serves what has come meanwhile.", nullptr},
    {"error", caught<async_result_get_error>, nullptr,
     "Whether the answer is there and is an exception.", nullptr},
    {"_over", caught<async_result_get_over>, nullptr,
     "Whether the answer is there or the time has passed. Serves nothing.", nullptr},
    {"expired", caught<async_result_get_expired>, nullptr,
     "Whether the time set by set_expiry() passed before the answer came.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef members[] = {
    {"_conn", T_OBJECT, offsetof(AsyncResultHead, connection), READONLY, "The connection."},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(AsyncResultHead, weak_references), READONLY,
     nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>("The result of a call that was sent without waiting for it.")},
    {Py_tp_new, reinterpret_cast<void*>(caught<async_result_new>)},
    {Py_tp_dealloc, reinterpret_cast<void*>(async_result_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(async_result_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(async_result_clear)},
    {Py_tp_repr, reinterpret_cast<void*>(caught<async_result_repr>)},
    {Py_tp_call, reinterpret_cast<void*>(caught<async_result_call>)},
    {Py_am_await, reinterpret_cast<void*>(caught<async_result_await>)},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_tp_members, members},
    {0, nullptr}};

PyType_Spec spec = {"rpyc.core.async_.AsyncResult", sizeof(AsyncResultObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

}  // namespace

bool init_async_result_type(State& state, PyObject* module) noexcept {
  state.async_result_type = PyRef::steal(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return state.async_result_type &&
         PyModule_AddObjectRef(module, "AsyncResult", state.async_result_type.get()) == 0;
}

PyRef make_unsent_result(ConnectionObject* connection) noexcept {
  auto* const type = reinterpret_cast<PyTypeObject*>(connection->state->async_result_type.get());
  PyRef object = PyRef::steal(type->tp_alloc(type, 0));
  if (!object) return object;
  AsyncResultObject* const self = self_of(object.get());
  Py_INCREF(connection);
  self->connection = connection;
  new (&self->call) std::optional<AsyncCall>();
  new (&self->expiry) Deadline(Deadline::never());
  new (&self->subject) Subject{.asked = Clock::system().now()};
  count_live(Counted::kAsyncResult, 1);
  return object;
}

PyRef make_async_result(ConnectionObject* connection, std::int64_t seq) noexcept {
  PyRef object = make_unsent_result(connection);
  if (object) self_of(object.get())->call.emplace(seq, self_of(object.get()));
  return object;
}

PyRef result_to_send(Peer& peer, std::int64_t seq) noexcept {
  ConnectionObject* const connection = peer.owner();
  const PyRef number = PyRef::steal(PyLong_FromLongLong(seq));
  const PyRef callbacks =
      PyRef::steal(PyObject_GetAttr(peer.owner_object(), peer.state().names.callbacks.get()));
  if (!number || !callbacks) return {};
  PyRef object = PyRef::share(PyDict_Check(callbacks.get()) != 0
                                  ? PyDict_GetItemWithError(callbacks.get(), number.get())
                                  : nullptr);
  if (PyErr_Occurred() != nullptr) return {};
  const bool is_ours = object &&
                       Py_TYPE(object.get()) ==
                           reinterpret_cast<PyTypeObject*>(peer.state().async_result_type.get()) &&
                       self_of(object.get())->connection == connection &&
                       !self_of(object.get())->call;
  if (!is_ours) object = make_unsent_result(connection);
  if (!object) return object;
  AsyncResultObject* const self = self_of(object.get());
  self->call.emplace(seq, self);
  self->by_number = true;
  if (!self->expiry.is_never()) peer.connection().set_expiry(*self->call, self->expiry);
  return object;
}

bool announce_when_done(PyRef result) noexcept {
  AsyncResultObject* const self = self_of(result.get());
  Peer* const peer = peer_of(self);
  if (peer == nullptr) return false;
  self->announced = true;
  if (peer->connection().notify_on_completion(*self->call)) {
    static_cast<void>(result.release());  // until announce_completion()
  } else {
    self->announced = false;
    deliver(self);
  }
  return true;
}

rpc::Call& call_of(PyObject* async_result) noexcept { return *self_of(async_result)->call; }

PyObject* value_of(PyObject* async_result) noexcept {
  return caught<async_result_get_value>(async_result, nullptr);
}

void note_subject(PyObject* async_result, const Subject& subject) noexcept {
  Subject& own = self_of(async_result)->subject;
  const TimePoint asked = own.asked;
  const PyRef old = PyRef::steal(own.name);
  own = subject;
  own.asked = asked;
  own.name = PyRef::share(subject.name).release();
}

void set_expiry(PyObject* async_result, Deadline expiry) noexcept {
  AsyncResultObject* const self = self_of(async_result);
  self->expiry = expiry;
  if (self->connection->peer != nullptr && self->call) {
    self->connection->peer->connection().set_expiry(*self->call, self->expiry);
  }
}

void announce_completion(rpc::Call& call) noexcept {
  AsyncResultObject* const self = static_cast<AsyncCall&>(call).owner;
  const PyRef own = PyRef::steal(reinterpret_cast<PyObject*>(self));  // from add_callback()
  if (call.outcome() == rpc::Call::Outcome::kExpired) {
    Py_CLEAR(self->callbacks);
    return;
  }
  // Where messages go by way of Python, they do so when they come.
  if (self->by_number) deliver(self);
  self->announced = self->announced && is_done(self);
  if (is_done(self)) run_callbacks(self);  // else whoever gives it its value does
}

}  // namespace sinew::python
