// BaseNetref: what every proxy type inherits. Per-class types are made by core/netref.py through
// make_netref_class(); their special methods are RemoteMethod descriptors (remote_method.h), so
// that callable(), iterability and the like are right because the slots are.

#include "netref.h"

#include <structmember.h>

#include <cstddef>

#include "base/counters.h"
#include "buffered_iterator.h"
#include "compat.h"
#include "lookahead.h"
#include "messages.h"
#include "overrides.h"
#include "peer.h"
#include "question.h"
#include "remote_method.h"
#include "slot.h"

namespace sinew::python {
namespace {

using dialect::rpyc::Handler;

Netref* self_of(PyObject* object) noexcept { return as_netref(object); }

State& state_of(const Netref* self) noexcept { return *self->connection->state; }

// ---------------------------------------------------------------------------------------------
// Life

PyObject* netref_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  const State* const state = python::state_of(type);
  if (state == nullptr) return nullptr;
  PyObject* connection = nullptr;
  PyObject* id_pack = nullptr;
  static const char* const keywords[] = {"conn", "id_pack", nullptr};
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!:BaseNetref", const_cast<char**>(keywords),
                                  state->connection_type.get(), &connection, &PyTuple_Type,
                                  &id_pack) == 0) {
    return nullptr;
  }
  Peer* const peer = peer_of(reinterpret_cast<ConnectionObject*>(connection));
  object::ObjectIdView id;
  if (peer == nullptr || !read_id_pack(id_pack, id)) return nullptr;
  return peer->make_unsent_import(type, id).release();
}

void netref_dealloc(PyObject* object) noexcept {
  Netref* const self = self_of(object);
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  // First of all out of the table: nobody may find a dying proxy there.
  if (self->connection != nullptr && self->connection->peer != nullptr) {
    self->connection->peer->forget_import(self);
  }
  if (self->weak_references != nullptr) PyObject_ClearWeakRefs(object);
  count_live(Counted::kNetref, -1);
  Py_CLEAR(self->connection);
  type->tp_free(object);
  Py_DECREF(type);
}

int netref_traverse(PyObject* object, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self_of(object)->connection);
  return 0;
}

// ---------------------------------------------------------------------------------------------
// Attributes

PyObject* object_of(Netref* self) noexcept { return reinterpret_cast<PyObject*>(self); }

// True when requests are to go by the connection's methods (overrides.h).
bool asks_in_python(const Netref* self) noexcept {
  return (overridden(self->connection) & kAskHooks) != 0;
}

bool is_dunder(PyObject* name) noexcept {
  return PyUnicode_GET_LENGTH(name) > 4 && PyUnicode_READ_CHAR(name, 0) == '_' &&
         PyUnicode_READ_CHAR(name, 1) == '_';
}

PyObject* ask_attribute(Netref* self, PyObject* name) {
  Peer* const peer = peer_of(self->connection);
  if (peer == nullptr) return nullptr;
  if (asks_in_python(self)) return ask_in_python(*peer, Handler::kGetAttr, object_of(self), name);
  Question question(*peer, Handler::kGetAttr, 2);
  if (!question.add_netref(self) || !question.add(name)) return nullptr;
  return question.ask();
}

// True when the proxy's type says which local class its object has; else the peer is asked.
bool knows_class(const Netref* self, PyObject* name) noexcept {
  PyObject* const inherited = _PyType_Lookup(&PyBaseObject_Type, name);
  return _PyType_Lookup(Py_TYPE(reinterpret_cast<const PyObject*>(self)), name) != inherited;
}

PyObject* netref_getattro(PyObject* object, PyObject* name) {
  Netref* const self = self_of(object);
  if (is_dunder(name)) {
    const State& state = state_of(self);
    const int local = PySet_Contains(state.local_names.get(), name);
    if (local < 0) return nullptr;
    const bool is_class = PyUnicode_Compare(name, state.names.class_.get()) == 0;
    if (is_class ? knows_class(self, name) : local != 0) {
      return PyObject_GenericGetAttr(object, name);
    }
  }
  if (!asks_in_python(self) && next_is_call(name)) return make_bound_method(self, name);
  return ask_attribute(self, name);
}

int netref_setattro(PyObject* object, PyObject* name, PyObject* value) {
  Netref* const self = self_of(object);
  if (is_dunder(name)) {
    const int local = PySet_Contains(state_of(self).local_names.get(), name);
    if (local < 0) return -1;
    if (local != 0) return PyObject_GenericSetAttr(object, name, value);
  }
  Peer* const peer = peer_of(self->connection);
  if (peer == nullptr) return -1;
  const bool deletes = value == nullptr;
  if (asks_in_python(self)) {
    const PyRef done = PyRef::steal(
        ask_in_python(*peer, deletes ? Handler::kDelAttr : Handler::kSetAttr, object, name, value));
    return done ? 0 : -1;
  }
  Question question(*peer, deletes ? Handler::kDelAttr : Handler::kSetAttr, deletes ? 2 : 3);
  if (!question.add_netref(self) || !question.add(name)) return -1;
  if (!deletes && !question.add(value)) return -1;
  const PyRef done = PyRef::steal(question.ask());
  return done ? 0 : -1;
}

// ---------------------------------------------------------------------------------------------
// Operations with a request code of their own

PyObject* ask_about(PyObject* object, Handler handler) {
  Netref* const self = self_of(object);
  Peer* const peer = peer_of(self->connection);
  if (peer == nullptr) return nullptr;
  if (asks_in_python(self)) return ask_in_python(*peer, handler, object);
  Question question(*peer, handler, 1);
  return question.add_netref(self) ? question.ask() : nullptr;
}

PyObject* ask_text(PyObject* object, Handler handler) {
  PyRef text = PyRef::steal(ask_about(object, handler));
  if (text && PyUnicode_Check(text.get()) == 0) {
    PyErr_SetString(PyExc_TypeError, "the peer answered with something that is no text");
    return nullptr;
  }
  return text.release();
}

PyObject* netref_repr(PyObject* object) { return ask_text(object, Handler::kRepr); }
PyObject* netref_str(PyObject* object) { return ask_text(object, Handler::kStr); }

Py_hash_t netref_hash(PyObject* object) {
  const PyRef hash = PyRef::steal(ask_about(object, Handler::kHash));
  if (!hash) return -1;
  return PyObject_Hash(
      hash.get());  // of an int: folds a number that a 32-bit peer cannot have made
}

PyObject* netref_call(PyObject* object, PyObject* args, PyObject* kwargs) {
  Netref* const self = self_of(object);
  Peer* const peer = peer_of(self->connection);
  if (peer == nullptr) return nullptr;
  if (asks_in_python(self)) {
    const PyRef pairs = keyword_pairs(kwargs);
    return pairs ? ask_in_python(*peer, Handler::kCall, object, args, pairs.get()) : nullptr;
  }
  Question question(*peer, Handler::kCall, 3);
  if (!question.add_netref(self) || !question.add(args) || !question.add_keywords(kwargs)) {
    return nullptr;
  }
  return question.ask();
}

constexpr const char* kCompareNames[] = {"__lt__", "__le__", "__eq__",
                                         "__ne__", "__gt__", "__ge__"};

// The `==` or `!=` that was just answered with NotImplemented: Python will come with its mirror
// image next, which is the same method between two objects of one class, for a round trip more. An
// ordering's mirror image is another method: `a > b` asks for `b < a`.
struct Unanswered {
  const PyObject* left = nullptr;
  const PyObject* right = nullptr;
  int op = -1;
};
thread_local Unanswered unanswered;

bool is_mirror_image(PyObject* left, PyObject* right, int op) noexcept {
  const Unanswered last = std::exchange(unanswered, {});
  return last.left == right && last.right == left && last.op == op;
}

PyObject* netref_richcompare(PyObject* object, PyObject* other, int op) {
  if (is_mirror_image(object, other, op)) Py_RETURN_NOTIMPLEMENTED;
  Netref* const self = self_of(object);
  Peer* const peer = peer_of(self->connection);
  if (peer == nullptr) return nullptr;
  const PyRef name = PyRef::steal(PyUnicode_FromString(kCompareNames[op]));
  if (name && asks_in_python(self)) {
    return ask_in_python(*peer, Handler::kCmp, object, other, name.get());
  }
  Question question(*peer, Handler::kCmp, 3);
  if (!name || !question.add_netref(self) || !question.add(other) || !question.add(name.get())) {
    return nullptr;
  }
  PyObject* const answer = question.ask();
  if ((op == Py_EQ || op == Py_NE) && answer == Py_NotImplemented &&
      is_netref(*self->connection->state, other) &&
      self_of(other)->remote_class == self->remote_class) {
    unanswered = {.left = object, .right = other, .op = op};
  }
  return answer;
}

// Iterating over a built-in container reads ahead; anything else is asked for item by item,
// because its next() may have effects that the program counts on.
PyObject* netref_iter(PyObject* object) {
  Netref* const self = self_of(object);
  PyRef iterator =
      PyRef::steal(call_method(self, state_of(self).names.iter.get(), nullptr, 0, nullptr));
  if (!iterator || !self->remote_class->buffered || !is_netref(state_of(self), iterator.get())) {
    return iterator.release();
  }
  return make_buffered_iterator(state_of(self), std::move(iterator)).release();
}

// ---------------------------------------------------------------------------------------------
// What RPyC's users see of a netref

PyObject* netref_get_conn(PyObject* object, void* /*closure*/) {
  return PyRef::share(reinterpret_cast<PyObject*>(self_of(object)->connection)).release();
}

PyObject* netref_get_id_pack(PyObject* object, void* /*closure*/) {
  return id_pack_of(*self_of(object)).release();
}

PyObject* netref_get_refcount(PyObject* object, void* /*closure*/) {
  return PyLong_FromUnsignedLongLong(self_of(object)->received);
}

// Programs that unbox by themselves count what they receive: `netref.____refcount__ += 1`.
int netref_set_refcount(PyObject* object, PyObject* count, void* /*closure*/) {
  if (count == nullptr) {
    PyErr_SetString(PyExc_TypeError, "____refcount__ cannot be deleted");
    return -1;
  }
  const unsigned long long number = PyLong_AsUnsignedLongLong(count);
  if (number == static_cast<unsigned long long>(-1) && PyErr_Occurred() != nullptr) return -1;
  self_of(object)->received = number;
  return 0;
}

PyGetSetDef netref_getset[] = {
    {"____conn__", caught<netref_get_conn>, nullptr, "The connection that the object lives behind.",
     nullptr},
    {"____id_pack__", caught<netref_get_id_pack>, nullptr,
     "(class name, class id, instance id), as on the wire; instance id 0 is the class itself.",
     nullptr},
    {"____refcount__", caught<netref_get_refcount>, caught<netref_set_refcount>,
     "How often the peer has sent the object.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef netref_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Netref, weak_references), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot netref_slots[] = {
    {Py_tp_doc,
     const_cast<char*>("BaseNetref(conn, id_pack): a proxy for an object that lives behind a "
                       "connection. Whatever is done to it is done there.")},
    {Py_tp_new, reinterpret_cast<void*>(caught<netref_new>)},
    {Py_tp_dealloc, reinterpret_cast<void*>(netref_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(netref_traverse)},
    {Py_tp_getattro, reinterpret_cast<void*>(caught<netref_getattro>)},
    {Py_tp_setattro, reinterpret_cast<void*>(caught<netref_setattro>)},
    {Py_tp_repr, reinterpret_cast<void*>(caught<netref_repr>)},
    {Py_tp_str, reinterpret_cast<void*>(caught<netref_str>)},
    {Py_tp_hash, reinterpret_cast<void*>(caught<netref_hash>)},
    {Py_tp_richcompare, reinterpret_cast<void*>(caught<netref_richcompare>)},
    {Py_tp_getset, netref_getset},
    {Py_tp_members, netref_members},
    {0, nullptr}};

PyType_Spec netref_spec = {"rpyc.core.netref.BaseNetref", sizeof(Netref), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                           netref_slots};

PyObject* metatype_repr(PyObject* type) {
  const PyRef module = PyRef::steal(PyObject_GetAttrString(type, "__module__"));
  const PyRef name = PyRef::steal(PyObject_GetAttrString(type, "__name__"));
  if (!module || !name) return nullptr;
  return PyUnicode_FromFormat("<netref class '%U.%U'>", module.get(), name.get());
}

PyType_Slot metatype_slots[] = {{Py_tp_doc, const_cast<char*>("The class of all netref classes.")},
                                {Py_tp_repr, reinterpret_cast<void*>(caught<metatype_repr>)},
                                {0, nullptr}};

PyType_Spec metatype_spec = {"rpyc.core.netref.NetrefMetaclass", 0, 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, metatype_slots};

}  // namespace

bool init_netref_types(State& state, PyObject* module) noexcept {
  const PyRef bases = PyRef::steal(PyTuple_Pack(1, &PyType_Type));
  if (!bases) return false;
  state.netref_metatype =
      PyRef::steal(PyType_FromModuleAndSpec(module, &metatype_spec, bases.get()));
  state.netref_type = PyRef::steal(PyType_FromModuleAndSpec(module, &netref_spec, nullptr));
  if (!state.netref_metatype || !state.netref_type) return false;
  // PyType_FromMetaclass() is new in 3.12; our metaclass adds no fields, so it can also be put in
  // afterwards.
  auto* const metatype = reinterpret_cast<PyTypeObject*>(state.netref_metatype.get());
  Py_INCREF(metatype);
  Py_SET_TYPE(state.netref_type.get(), metatype);
  return PyModule_AddObjectRef(module, "NetrefMetaclass", state.netref_metatype.get()) == 0 &&
         PyModule_AddObjectRef(module, "BaseNetref", state.netref_type.get()) == 0;
}

bool is_netref(const State& state, PyObject* object) noexcept {
  return PyType_IsSubtype(Py_TYPE(object),
                          reinterpret_cast<PyTypeObject*>(state.netref_type.get())) != 0;
}

PyRef make_netref(ConnectionObject* connection, RemoteClass& remote_class, std::int64_t instance_id,
                  PyTypeObject* type) noexcept {
  PyRef object = PyRef::steal(type->tp_alloc(type, 0));
  if (!object) return object;
  Netref* const self = self_of(object.get());
  Py_INCREF(connection);
  self->connection = connection;
  self->remote_class = &remote_class;
  self->instance_id = instance_id;
  self->received = 1;
  count_live(Counted::kNetref, 1);
  return object;
}

bool read_id_pack(PyObject* id_pack, object::ObjectIdView& into) noexcept {
  const char* name = nullptr;
  Py_ssize_t size = 0;
  long long class_id = 0;
  long long instance_id = 0;
  if (PyTuple_Check(id_pack) == 0) {
    PyErr_SetString(PyExc_TypeError, "an object is named by a tuple");
    return false;
  }
  if (PyArg_ParseTuple(id_pack, "s#LL;an object is named by (class name, class id, instance id)",
                       &name, &size, &class_id, &instance_id) == 0) {
    return false;
  }
  into = {{name, static_cast<std::size_t>(size)}, class_id, instance_id};
  return true;
}

PyRef id_pack_of(const Netref& netref) noexcept {
  const RemoteClass& remote_class = *netref.remote_class;
  return PyRef::steal(Py_BuildValue(
      "(s#LL)", remote_class.name.data(), static_cast<Py_ssize_t>(remote_class.name.size()),
      static_cast<long long>(remote_class.class_id), static_cast<long long>(netref.instance_id)));
}

PyObject* make_netref_class(State& state, PyObject* name, PyObject* attributes) noexcept {
  const PyRef bases = PyRef::steal(PyTuple_Pack(1, state.netref_type.get()));
  if (!bases) return nullptr;
  PyRef made = PyRef::steal(PyObject_CallFunctionObjArgs(state.netref_metatype.get(), name,
                                                         bases.get(), attributes, nullptr));
  if (!made) return nullptr;
  auto* const type = reinterpret_cast<PyTypeObject*>(made.get());
  // Straight to the point where Python would look the descriptor up first.
  if (type->tp_call != nullptr) type->tp_call = caught<netref_call>;
  if (type->tp_iter != nullptr) type->tp_iter = caught<netref_iter>;
  return made.release();
}

}  // namespace sinew::python
