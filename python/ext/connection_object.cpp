// The base class of sinew.rpyc.core.protocol.Connection: the type, and how an object of it lives.

#include "connection_object.h"

#include <structmember.h>

#include <cstddef>

#include "connection_methods.h"
#include "overrides.h"
#include "peer.h"
#include "slot.h"

namespace sinew::python {
namespace {

ConnectionObject* self_of(PyObject* object) noexcept {
  return reinterpret_cast<ConnectionObject*>(object);
}

// ---------------------------------------------------------------------------------------------
// Life

PyObject* connection_new(PyTypeObject* type, PyObject* /*args*/, PyObject* /*kwargs*/) {
  State* const state = state_of(type);
  if (state == nullptr) return nullptr;
  PyObject* const object = type->tp_alloc(type, 0);
  if (object != nullptr) self_of(object)->state = state;
  return object;
}

int connection_traverse(PyObject* object, visitproc visit, void* arg) noexcept {
  ConnectionObject* const self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->config);
  Py_VISIT(self->local_root);
  Py_VISIT(self->channel);
  return self->peer != nullptr ? self->peer->traverse(visit, arg) : 0;
}

int connection_clear(PyObject* object) noexcept {
  ConnectionObject* const self = self_of(object);
  if (self->peer != nullptr) self->peer->clear_tables();
  Py_CLEAR(self->config);
  Py_CLEAR(self->local_root);
  Py_CLEAR(self->channel);
  return 0;
}

void connection_dealloc(PyObject* object) noexcept {
  ConnectionObject* const self = self_of(object);
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (self->weak_references != nullptr) PyObject_ClearWeakRefs(object);
  connection_clear(object);
  delete std::exchange(self->peer, nullptr);
  type->tp_free(object);
  Py_DECREF(type);
}

// A method that is assigned to this one connection counts like one of its class.
int connection_setattro(PyObject* object, PyObject* name, PyObject* value) noexcept {
  if (PyObject_GenericSetAttr(object, name, value) != 0) return -1;
  note_assignment(self_of(object), name, value == nullptr);
  return 0;
}

// ---------------------------------------------------------------------------------------------
// Looking

PyObject* connection_get_dead(PyObject* object, void* /*closure*/) {
  const Peer* const peer = self_of(object)->peer;
  return PyBool_FromLong(peer == nullptr || const_cast<Peer*>(peer)->connection().is_dead());
}

PyObject* connection_get_close_reason(PyObject* object, void* /*closure*/) {
  Peer* const peer = self_of(object)->peer;
  const auto error = peer != nullptr ? peer->connection().error() : nullptr;
  if (error == nullptr) Py_RETURN_NONE;
  return PyUnicode_FromStringAndSize(error->message().data(),
                                     static_cast<Py_ssize_t>(error->message().size()));
}

PyObject* connection_get_ends(PyObject* object, void* /*closure*/) {
  Peer* const peer = self_of(object)->peer;
  if (peer == nullptr) Py_RETURN_NONE;
  const std::string ends = peer->connection().stream().describe();
  return PyUnicode_DecodeUTF8(ends.data(), static_cast<Py_ssize_t>(ends.size()), "replace");
}

PyObject* connection_get_heard(PyObject* object, void* /*closure*/) {
  const Peer* const peer = self_of(object)->peer;
  return PyBool_FromLong(peer != nullptr && peer->has_heard());
}

PyObject* connection_get_config(PyObject* object, void* /*closure*/) {
  PyObject* const config = self_of(object)->config;
  if (config == nullptr) PyErr_SetString(PyExc_AttributeError, "_config");
  return PyRef::share(config).release();
}

// What is given becomes a mapping of the connection's own, which tells about its changes.
int connection_set_config(PyObject* object, PyObject* values, void* /*closure*/) {
  ConnectionObject* const self = self_of(object);
  if (values == nullptr || PyDict_Check(values) == 0) {
    PyErr_SetString(PyExc_TypeError, "_config must be a dict");
    return -1;
  }
  PyRef live =
      PyRef::steal(PyObject_CallMethodOneArg(object, self->state->names.live_config.get(), values));
  if (!live) return -1;
  if (PyDict_Check(live.get()) == 0) {
    PyErr_SetString(PyExc_TypeError, "_live_config() must return a dict");
    return -1;
  }
  const PyRef old = PyRef::steal(std::exchange(self->config, live.release()));
  if (self->peer != nullptr) self->peer->settings_changed();
  return 0;
}

PyObject* connection_get_channel(PyObject* object, void* /*closure*/) {
  PyObject* const channel = self_of(object)->channel;
  return PyRef::share(channel != nullptr ? channel : Py_None).release();
}

// What the engine reads and writes is settled when it starts; another channel would be ignored.
int connection_set_channel(PyObject* object, PyObject* channel, void* /*closure*/) {
  ConnectionObject* const self = self_of(object);
  if (channel == self->channel && channel != nullptr) return 0;
  if (self->peer != nullptr || channel == nullptr) {
    PyErr_SetString(
        PyExc_AttributeError,
        "_channel cannot be exchanged in use: the engine has taken its stream over. Give "
        "the connection a channel of a class of your own when it is made");
    return -1;
  }
  const PyRef old = PyRef::steal(std::exchange(self->channel, PyRef::share(channel).release()));
  return 0;
}

PyObject* connection_get_vars(PyObject* object, void* /*closure*/) {
  return hand_out_dict(self_of(object));
}

PyGetSetDef getset[] = {
    {"_vars", caught<connection_get_vars>, nullptr,
     "The `__dict__`. Methods that are put there count, too.", nullptr},
    {"_channel", caught<connection_get_channel>, caught<connection_set_channel>,
     "The channel that the connection was made over.", nullptr},
    {"_config", caught<connection_get_config>, caught<connection_set_config>,
     "The live configuration: a change counts at once. A dict that is assigned is copied.",
     nullptr},
    {"_ends", caught<connection_get_ends>, nullptr, "What it runs between, for messages.", nullptr},
    {"_heard", caught<connection_get_heard>, nullptr, "Whether a message of the peer has come.",
     nullptr},
    {"_dead", caught<connection_get_dead>, nullptr, "Whether the connection has ended.", nullptr},
    {"close_reason", caught<connection_get_close_reason>, nullptr,
     "Why the connection ended: the first cause, with both end points. None while it lives.",
     nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef members[] = {{"_local_root", T_OBJECT, offsetof(ConnectionObject, local_root), 0,
                          "What the peer gets as our root."},
                         {"__weaklistoffset__", T_PYSSIZET,
                          offsetof(ConnectionObject, weak_references), READONLY, nullptr},
                         {nullptr, 0, 0, 0, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("The engine's side of a connection.")},
                       {Py_tp_new, reinterpret_cast<void*>(caught<connection_new>)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(connection_dealloc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(connection_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(connection_clear)},
                       {Py_tp_setattro, reinterpret_cast<void*>(connection_setattro)},
                       {Py_tp_methods, kConnectionMethods},
                       {Py_tp_getset, getset},
                       {Py_tp_members, members},
                       {0, nullptr}};

PyType_Spec spec = {"sinew._sinew.Connection", sizeof(ConnectionObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};

}  // namespace

bool init_connection_type(State& state, PyObject* module) noexcept {
  state.connection_type = PyRef::steal(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return state.connection_type &&
         PyModule_AddObjectRef(module, "Connection", state.connection_type.get()) == 0;
}

Peer* peer_of(ConnectionObject* connection) noexcept {
  if (connection->peer == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "the connection was never set up");
  }
  return connection->peer;
}

}  // namespace sinew::python
