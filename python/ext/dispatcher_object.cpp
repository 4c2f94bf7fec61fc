// The base class of sinew.dispatch.Dispatcher.

#include "dispatcher_object.h"

#include <structmember.h>

#include <cstddef>
#include <utility>

#include "slot.h"

namespace sinew::python {
namespace {

thread_local DispatcherObject* current = nullptr;

PyObject* dispatcher_new(PyTypeObject* type, PyObject* /*args*/, PyObject* /*kwargs*/) {
  PyObject* const object = type->tp_alloc(type, 0);
  if (object == nullptr) return nullptr;
  auto* const self = reinterpret_cast<DispatcherObject*>(object);
  self->max_pending = 10'000;
  return object;
}

int dispatcher_traverse(PyObject* object, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(object));
  return 0;
}

void dispatcher_dealloc(PyObject* object) noexcept {
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (reinterpret_cast<DispatcherObject*>(object)->weak_references != nullptr) {
    PyObject_ClearWeakRefs(object);
  }
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* dispatcher_get_is_here(PyObject* object, void* /*closure*/) {
  return PyBool_FromLong(is_on(reinterpret_cast<DispatcherObject*>(object)) ? 1 : 0);
}

PyGetSetDef getset[] = {{"is_here", caught<dispatcher_get_is_here>, nullptr,
                         "Whether this thread is the dispatcher's: the one that runs everything, "
                         "or one that runs something now.",
                         nullptr},
                        {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef members[] = {
    {"thread", T_ULONG, offsetof(DispatcherObject, thread), 0,
     "The identity of the one thread that runs everything; 0 if there are several, or none yet."},
    {"_serial", T_BOOL, offsetof(DispatcherObject, serial), 0,
     "Whether one request runs at a time."},
    {"_full", T_BOOL, offsetof(DispatcherObject, full), 0, "Whether all threads are busy."},
    {"_awaits", T_BOOL, offsetof(DispatcherObject, awaits), 0,
     "Whether `_await(job, coroutine)` is called for the coroutines that requests return."},
    {"max_pending", T_PYSSIZET, offsetof(DispatcherObject, max_pending), 0,
     "How many requests may wait to be run; LimitError for the caller of one more."},
    {"pending", T_PYSSIZET, offsetof(DispatcherObject, pending), READONLY,
     "How many requests wait to be run."},
    {"_start_within", T_DOUBLE, offsetof(DispatcherObject, start_within), 0,
     "Seconds in which a request must have been started; 0 for no limit."},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(DispatcherObject, weak_references), READONLY,
     nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("What says where requests run.")},
                       {Py_tp_new, reinterpret_cast<void*>(caught<dispatcher_new>)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(dispatcher_dealloc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(dispatcher_traverse)},
                       {Py_tp_getset, getset},
                       {Py_tp_members, members},
                       {0, nullptr}};

PyType_Spec spec = {"sinew._sinew.Dispatcher", sizeof(DispatcherObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};

}  // namespace

bool init_dispatcher_type(State& state, PyObject* module) noexcept {
  state.dispatcher_type = PyRef::steal(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return state.dispatcher_type &&
         PyModule_AddObjectRef(module, "Dispatcher", state.dispatcher_type.get()) == 0;
}

OnDispatcher::OnDispatcher(DispatcherObject* dispatcher) noexcept
    : outer_(std::exchange(current, dispatcher)) {}

OnDispatcher::~OnDispatcher() { current = outer_; }

bool is_on(const DispatcherObject* dispatcher) noexcept {
  return current == dispatcher || dispatcher->thread == PyThread_get_thread_ident();
}

}  // namespace sinew::python
