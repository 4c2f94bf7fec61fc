#include "remote_method.h"

#include <structmember.h>

#include <cstddef>

#include "messages.h"
#include "overrides.h"
#include "peer.h"
#include "question.h"
#include "slot.h"

namespace sinew::python {
namespace {

using dialect::rpyc::Handler;

// A method name on a proxy, about to be called. Short-lived: made by a method load, gone after the
// call that follows it.
struct BoundMethod {
  PyObject ob_base;
  vectorcallfunc vectorcall;
  Netref* self;    // owned reference
  PyObject* name;  // owned reference
};

BoundMethod* bound(PyObject* object) noexcept { return reinterpret_cast<BoundMethod*>(object); }

PyObject* bound_method_vectorcall(PyObject* object, PyObject* const* args, std::size_t flags,
                                  PyObject* keyword_names) {
  const BoundMethod* const method = bound(object);
  return call_method(method->self, method->name, args,
                     static_cast<std::size_t>(PyVectorcall_NARGS(flags)), keyword_names);
}

void bound_method_dealloc(PyObject* object) noexcept {
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Py_CLEAR(bound(object)->self);
  Py_CLEAR(bound(object)->name);
  type->tp_free(object);
  Py_DECREF(type);
}

int bound_method_traverse(PyObject* object, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(bound(object)->self);
  return 0;
}

PyMemberDef bound_method_members[] = {
    {"__self__", T_OBJECT, offsetof(BoundMethod, self), READONLY, "The proxy."},
    {"__name__", T_OBJECT, offsetof(BoundMethod, name), READONLY, "The name of the method."},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(BoundMethod, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot bound_method_slots[] = {
    {Py_tp_doc, const_cast<char*>("A method of a remote object, about to be called.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(bound_method_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(bound_method_traverse)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_members, bound_method_members},
    {0, nullptr}};

PyType_Spec bound_method_spec = {"sinew._sinew.BoundMethod", sizeof(BoundMethod), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                     Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 bound_method_slots};

// ---------------------------------------------------------------------------------------------

// A function in the namespace of a proxy class: takes the proxy as its first argument.
struct RemoteMethod {
  PyObject ob_base;
  vectorcallfunc vectorcall;
  State* state;
  PyObject* name;  // owned reference
  PyObject* doc;   // owned reference
};

RemoteMethod* remote(PyObject* object) noexcept { return reinterpret_cast<RemoteMethod*>(object); }

PyObject* remote_method_vectorcall(PyObject* object, PyObject* const* args, std::size_t flags,
                                   PyObject* keyword_names) {
  const RemoteMethod* const method = remote(object);
  const auto count = static_cast<std::size_t>(PyVectorcall_NARGS(flags));
  if (count == 0 || !is_netref(*method->state, args[0])) {
    PyErr_Format(PyExc_TypeError, "%U() needs a netref as its first argument", method->name);
    return nullptr;
  }
  return call_method(as_netref(args[0]), method->name, args + 1, count - 1, keyword_names);
}

PyObject* remote_method_get(PyObject* object, PyObject* instance, PyObject* /*owner*/) {
  if (instance == nullptr || instance == Py_None) return PyRef::share(object).release();
  return PyMethod_New(object, instance);
}

PyObject* remote_method_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* name = nullptr;
  PyObject* doc = Py_None;
  static const char* const keywords[] = {"name", "doc", nullptr};
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "U|O", const_cast<char**>(keywords), &name, &doc) ==
      0) {
    return nullptr;
  }
  PyObject* const object = type->tp_alloc(type, 0);
  if (object == nullptr) return nullptr;
  RemoteMethod* const self = remote(object);
  self->vectorcall = caught<remote_method_vectorcall>;
  self->state = static_cast<State*>(PyType_GetModuleState(type));
  self->name = PyRef::share(name).release();
  PyUnicode_InternInPlace(&self->name);
  self->doc = PyRef::share(doc).release();
  return object;
}

void remote_method_dealloc(PyObject* object) noexcept {
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Py_CLEAR(remote(object)->name);
  Py_CLEAR(remote(object)->doc);
  type->tp_free(object);
  Py_DECREF(type);
}

int remote_method_traverse(PyObject* object, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(remote(object)->doc);
  return 0;
}

PyObject* remote_method_repr(PyObject* object) {
  return PyUnicode_FromFormat("<remote method %R>", remote(object)->name);
}

PyMemberDef remote_method_members[] = {
    {"__name__", T_OBJECT, offsetof(RemoteMethod, name), READONLY, "The name of the method."},
    {"__doc__", T_OBJECT, offsetof(RemoteMethod, doc), READONLY, nullptr},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(RemoteMethod, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot remote_method_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(caught<remote_method_new>)},
    {Py_tp_dealloc, reinterpret_cast<void*>(remote_method_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(remote_method_traverse)},
    {Py_tp_repr, reinterpret_cast<void*>(caught<remote_method_repr>)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_descr_get, reinterpret_cast<void*>(caught<remote_method_get>)},
    {Py_tp_members, remote_method_members},
    {0, nullptr}};

PyType_Spec remote_method_spec = {
    "sinew._sinew.RemoteMethod", sizeof(RemoteMethod), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL, remote_method_slots};

// The call through the connection's methods (overrides.h).
PyObject* call_in_python(Peer& peer, Netref* self, PyObject* name, PyObject* const* args,
                         std::size_t count, PyObject* keyword_names) {
  const PyRef positional = PyRef::steal(PyTuple_New(static_cast<Py_ssize_t>(count)));
  const PyRef pairs = keyword_pairs(keyword_names, args + count);
  if (!positional || !pairs) return nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    PyTuple_SET_ITEM(positional.get(), static_cast<Py_ssize_t>(i), PyRef::share(args[i]).release());
  }
  return ask_in_python(peer, Handler::kCallAttr, reinterpret_cast<PyObject*>(self), name,
                       positional.get(), pairs.get());
}

}  // namespace

bool init_method_types(State& state, PyObject* module) noexcept {
  state.bound_method_type =
      PyRef::steal(PyType_FromModuleAndSpec(module, &bound_method_spec, nullptr));
  state.remote_method_type =
      PyRef::steal(PyType_FromModuleAndSpec(module, &remote_method_spec, nullptr));
  return state.bound_method_type && state.remote_method_type &&
         PyModule_AddObjectRef(module, "RemoteMethod", state.remote_method_type.get()) == 0;
}

PyObject* make_bound_method(Netref* self, PyObject* name) noexcept {
  auto* const type =
      reinterpret_cast<PyTypeObject*>(self->connection->state->bound_method_type.get());
  PyObject* const object = type->tp_alloc(type, 0);
  if (object == nullptr) return nullptr;
  BoundMethod* const method = bound(object);
  method->vectorcall = caught<bound_method_vectorcall>;
  Py_INCREF(self);
  method->self = self;
  method->name = PyRef::share(name).release();
  return object;
}

PyObject* call_method(Netref* self, PyObject* name, PyObject* const* args, std::size_t count,
                      PyObject* keyword_names) {
  Peer* const peer = peer_of(self->connection);
  if (peer == nullptr) return nullptr;
  if ((overridden(self->connection) & kAskHooks) != 0) {
    return call_in_python(*peer, self, name, args, count, keyword_names);
  }
  Question question(*peer, Handler::kCallAttr, 4);
  if (!question.add_netref(self) || !question.add(name) || !question.add_items(args, count) ||
      !question.add_keywords(keyword_names, args + count)) {
    return nullptr;
  }
  return question.ask();
}

}  // namespace sinew::python
