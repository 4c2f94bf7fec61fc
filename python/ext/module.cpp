// sinew._sinew: the engine for Python. What users see is in the package; this module has no
// promise to keep to anybody else.

#include "async_result.h"
#include "base/counters.h"
#include "buffered_iterator.h"
#include "codec_api.h"
#include "compat.h"
#include "connection_object.h"
#include "dispatcher_object.h"
#include "exposure.h"
#include "gil.h"
#include "job.h"
#include "netref.h"
#include "overrides.h"
#include "peer.h"
#include "pool_object.h"
#include "remote_method.h"
#include "serving.h"
#include "slot.h"
#include "state.h"
#include "tls_object.h"

namespace sinew::python {
namespace {

State* state_in(PyObject* module) noexcept {
  return static_cast<State*>(PyModule_GetState(module));
}

PyObject* set_local_names(PyObject* module, PyObject* names) {
  PyRef set = PyRef::steal(PyFrozenSet_New(names));
  if (!set) return nullptr;
  state_in(module)->local_names = std::move(set);
  Py_RETURN_NONE;
}

PyObject* set_overridable_class(PyObject* module, PyObject* type) {
  if (PyType_Check(type) == 0) {
    PyErr_SetString(PyExc_TypeError, "a class is expected");
    return nullptr;
  }
  if (!set_overridable(*state_in(module), reinterpret_cast<PyTypeObject*>(type))) return nullptr;
  Py_RETURN_NONE;
}

PyObject* new_netref_class(PyObject* module, PyObject* args) {
  PyObject* name = nullptr;
  PyObject* attributes = nullptr;
  if (PyArg_ParseTuple(args, "UO!", &name, &PyDict_Type, &attributes) == 0) return nullptr;
  return make_netref_class(*state_in(module), name, attributes);
}

PyObject* describe(PyObject* module, PyObject* object) {
  const State& state = *state_in(module);
  if (is_netref(state, object)) return id_pack_of(*as_netref(object)).release();
  const object::ObjectId id = Peer::describe_object(state, object);
  const auto instance_id =
      id.instance_id == 0 ? 0LL : static_cast<long long>(reinterpret_cast<std::intptr_t>(object));
  return Py_BuildValue("(s#LL)", id.name.data(), static_cast<Py_ssize_t>(id.name.size()),
                       static_cast<long long>(id.class_id), instance_id);
}

PyObject* is_exposed_of(PyObject* module, PyObject* args) {
  PyObject* type = nullptr;
  PyObject* name = nullptr;
  if (PyArg_ParseTuple(args, "O!U:is_exposed", &PyType_Type, &type, &name) == 0) return nullptr;
  return PyBool_FromLong(
      is_exposed(state_in(module)->names, reinterpret_cast<PyTypeObject*>(type), name));
}

PyObject* live_counts(PyObject* /*module*/, PyObject* /*unused*/) {
  PyRef counts = PyRef::steal(PyDict_New());
  if (!counts) return nullptr;
  for (const LiveObjects& line : snapshot()) {
    const PyRef name = PyRef::steal(
        PyUnicode_FromStringAndSize(line.name.data(), static_cast<Py_ssize_t>(line.name.size())));
    const PyRef live = PyRef::steal(PyLong_FromLongLong(line.live));
    if (!name || !live || PyDict_SetItem(counts.get(), name.get(), live.get()) != 0) return nullptr;
  }
  return counts.release();
}

PyObject* buffered_iterator(PyObject* module, PyObject* args) {
  State& state = *state_in(module);
  PyObject* iterator = nullptr;
  Py_ssize_t chunk = 0;
  Py_ssize_t max_chunk = 0;
  double factor = 0;
  if (PyArg_ParseTuple(args, "Onnd", &iterator, &chunk, &max_chunk, &factor) == 0) return nullptr;
  if (!is_netref(state, iterator)) {
    PyErr_SetString(PyExc_TypeError, "only a remote iterator can be read ahead");
    return nullptr;
  }
  return make_buffered_iterator(state, PyRef::share(iterator), chunk, max_chunk, factor).release();
}

PyMethodDef methods[] = {
    {"set_local_names", caught<set_local_names>, METH_O,
     "Names of attributes that a netref answers itself."},
    {"set_overridable", caught<set_overridable_class>, METH_O,
     "The class whose methods are the engine's: where a subclass has others, those are called."},
    {"new_netref_class", caught<new_netref_class>, METH_VARARGS,
     "new_netref_class(name, attributes): a subclass of BaseNetref."},
    {"get_id_pack", caught<describe>, METH_O,
     "(class name, class id, instance id) of an object, as RPyC names it on the wire."},
    {"is_exposed", caught<is_exposed_of>, METH_VARARGS,
     "is_exposed(kind, name): whether @sinew.expose opens that member of instances of a class."},
    {"live_counts", caught<live_counts>, METH_NOARGS,
     "How many objects of the engine's classes are alive in this process."},
    {"buffered_iterator", caught<buffered_iterator>, METH_VARARGS,
     "buffered_iterator(iterator, chunk, max_chunk, factor): iterates, reading ahead."},
    {nullptr, nullptr, 0, nullptr}};

int module_exec(PyObject* module) {
  // Before 3.12 the slot below does not exist, and later CPython looks at it only where
  // interpreters are isolated.
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(PyExc_ImportError,
                    "sinew works in the main interpreter only, not in subinterpreters");
    return -1;
  }
  State* const state = new (state_in(module)) State();
  const bool made = survive_shutdown() && state->names.intern() &&
                    init_limit_error(*state, module) && init_stale_error(*state, module) &&
                    init_serving(*state, module) && init_connection_type(*state, module) &&
                    init_netref_types(*state, module) && init_method_types(*state, module) &&
                    init_buffered_iterator_type(*state, module) &&
                    init_async_result_type(*state, module) && init_pool_type(*state, module) &&
                    init_tls_types(*state, module) && init_dispatcher_type(*state, module) &&
                    init_job_type(*state, module);
  state->local_names = PyRef::steal(PyFrozenSet_New(nullptr));
  if (!made || !state->local_names) return -1;
  return PyModule_AddFunctions(module, kCodecMethods);
}

int module_traverse(PyObject* module, visitproc visit, void* arg) noexcept {
  const State* const state = state_in(module);
  return state != nullptr ? state->traverse(visit, arg) : 0;
}

int module_clear(PyObject* module) noexcept {
  if (State* const state = state_in(module)) state->clear();
  return 0;
}

void module_free(void* module) {
  if (State* const state = state_in(static_cast<PyObject*>(module))) state->~State();
}

PyModuleDef_Slot module_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(caught<module_exec>)},
                                   SINEW_COMPAT_INTERPRETERS_SLOT{0, nullptr}};

PyModuleDef module_definition = {PyModuleDef_HEAD_INIT, "sinew._sinew", "The engine of Sinew.",
                                 sizeof(State),         methods,        module_slots,
                                 module_traverse,       module_clear,   module_free};

}  // namespace

int State::traverse(visitproc visit, void* arg) const noexcept {
  Py_VISIT(limit_error.get());
  Py_VISIT(cancelled_error.get());
  Py_VISIT(stale_error.get());
  Py_VISIT(deadline_variable.get());
  Py_VISIT(connection_type.get());
  Py_VISIT(netref_metatype.get());
  Py_VISIT(netref_type.get());
  Py_VISIT(remote_method_type.get());
  Py_VISIT(bound_method_type.get());
  Py_VISIT(async_result_type.get());
  Py_VISIT(buffered_iterator_type.get());
  Py_VISIT(pool_type.get());
  Py_VISIT(tls_context_type.get());
  Py_VISIT(tls_stream_type.get());
  Py_VISIT(dispatcher_type.get());
  Py_VISIT(job_type.get());
  for (const Hook& hook : hooks) Py_VISIT(hook.function.get());
  return 0;
}

void State::clear() noexcept {
  limit_error = PyRef();
  cancelled_error = PyRef();
  stale_error = PyRef();
  deadline_variable = PyRef();
  connection_type = PyRef();
  netref_metatype = PyRef();
  netref_type = PyRef();
  remote_method_type = PyRef();
  bound_method_type = PyRef();
  async_result_type = PyRef();
  buffered_iterator_type = PyRef();
  pool_type = PyRef();
  tls_context_type = PyRef();
  tls_stream_type = PyRef();
  dispatcher_type = PyRef();
  job_type = PyRef();
  for (Hook& hook : hooks) hook.function = PyRef();
}

State* state_of(PyTypeObject* type) noexcept {
  // A subclass made in Python has no module of its own: look at its bases.
  PyObject* const mro = type->tp_mro;
  for (Py_ssize_t i = 0; mro != nullptr && i < PyTuple_GET_SIZE(mro); ++i) {
    auto* const base = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i));
    if ((base->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0) continue;
    PyObject* const module = PyType_GetModule(base);
    if (module == nullptr) {
      PyErr_Clear();
    } else if (PyModule_GetDef(module) == &module_definition) {
      return state_in(module);
    }
  }
  PyErr_SetString(PyExc_TypeError, "not a class of sinew._sinew");
  return nullptr;
}

}  // namespace sinew::python

PyMODINIT_FUNC PyInit__sinew() { return PyModuleDef_Init(&sinew::python::module_definition); }
