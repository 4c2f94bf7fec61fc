#include "job.h"

#include <structmember.h>

#include <cstddef>
#include <new>
#include <utility>

#include "answer.h"
#include "errors.h"
#include "gil.h"
#include "job_object.h"
#include "slot.h"

// The type Job, as Python sees it.

namespace sinew::python {
namespace {

PyObject* job_call(PyObject* object, PyObject* /*args*/, PyObject* /*kwargs*/) {
  if (!run(job_of(object))) return nullptr;
  Py_RETURN_NONE;
}

PyObject* job_answer(PyObject* object, PyObject* value) {
  JobObject* const self = job_of(object);
  if (!end_await(self)) Py_RETURN_NONE;
  const bool stay = answer_with(peer_of(self), self->request.seq, value);
  finish(self);
  if (!stay) return nullptr;
  Py_RETURN_NONE;
}

PyObject* job_fail(PyObject* object, PyObject* exception) {
  JobObject* const self = job_of(object);
  if (PyExceptionInstance_Check(exception) == 0) {
    PyErr_SetString(PyExc_TypeError, "fail() takes an exception");
    return nullptr;
  }
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception);
  if (!end_await(self)) {
    refuse(self);
  } else {
    answer_failure(self);
    finish(self);
  }
  Py_RETURN_NONE;
}

PyObject* job_get_deadline(PyObject* object, void* /*closure*/) {
  const Deadline deadline = job_of(object)->request.deadline;
  if (deadline.is_never()) Py_RETURN_NONE;
  return PyFloat_FromDouble(
      std::chrono::duration<double>(deadline.at().time_since_epoch()).count());
}

PyObject* job_get_waits(PyObject* object, void* /*closure*/) {
  return PyBool_FromLong(job_of(object)->stage == JobStage::kWaiting ? 1 : 0);
}

PyObject* job_get_connection(PyObject* object, void* /*closure*/) {
  return PyRef::share(reinterpret_cast<PyObject*>(job_of(object)->connection)).release();
}

int job_traverse(PyObject* object, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(job_of(object)->on_cancel);
  Py_VISIT(job_of(object)->connection);
  Py_VISIT(job_of(object)->dispatcher);
  return 0;
}

// Somebody let go of a job that was never run: its caller must not wait for ever.
void answer_dropped(JobObject* self) noexcept {
  PyRef outer = PyErr_Occurred() != nullptr ? take_exception() : PyRef();
  if (end_await(self)) {
    PyErr_SetString(PyExc_RuntimeError, "the coroutine that serves the call was dropped");
    answer_failure(self);
    finish(self);
  } else if (self->stage == JobStage::kWaiting) {
    PyErr_Format(PyExc_RuntimeError,
                 "the call was dropped after %d ms without being run: the loop of the %s has ended",
                 static_cast<int>(seconds_since(self->arrived) * 1000),
                 Py_TYPE(&self->dispatcher->ob_base)->tp_name);
    refuse(self);
  }
  if (outer) restore_exception(std::move(outer));
}

void job_dealloc(PyObject* object) noexcept {
  JobObject* const self = job_of(object);
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (self->connection != nullptr && self->connection->peer != nullptr && !interpreter_is_gone()) {
    answer_dropped(self);
  }
  self->request.~Incoming();
  self->kept.~vector();
  Py_CLEAR(self->on_cancel);
  Py_CLEAR(self->dispatcher);
  Py_CLEAR(self->connection);
  type->tp_free(object);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"answer", caught<job_answer>, METH_O,
     "answer(value): what the coroutine has returned. Does nothing if the job is over."},
    {"fail", caught<job_fail>, METH_O,
     "fail(exception): answers with it instead of running the request, or in the place of what its "
     "coroutine returns. Does nothing if the job is over."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef getset[] = {
    {"deadline", caught<job_get_deadline>, nullptr,
     "When the answer is of no use any more, by time.monotonic(); None for never.", nullptr},
    {"waits", caught<job_get_waits>, nullptr, "Whether it still waits to be run.", nullptr},
    {"connection", caught<job_get_connection>, nullptr, "The connection it came by.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef members[] = {{"_on_cancel", T_OBJECT, offsetof(JobHead, on_cancel), 0,
                          "Called, on any thread, to stop the coroutine."},
                         {nullptr, 0, 0, 0, nullptr}};

PyType_Slot slots[] = {
    {Py_tp_doc,
     const_cast<char*>("A request to be served: call it on the thread where it is to run. That "
                       "sends the answer. Called again it does nothing.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(job_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(job_traverse)},
    {Py_tp_call, reinterpret_cast<void*>(caught<job_call>)},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_tp_members, members},
    {0, nullptr}};

PyType_Spec spec = {"sinew._sinew.Job", sizeof(JobObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                    slots};

}  // namespace

PyRef make_job(Peer& peer, rpc::Incoming request) {
  auto* const type = reinterpret_cast<PyTypeObject*>(peer.state().job_type.get());
  PyRef object = PyRef::steal(type->tp_alloc(type, 0));
  if (!object) return object;
  JobObject* const self = job_of(object.get());
  Py_INCREF(peer.owner_object());
  self->connection = peer.owner();
  self->dispatcher = reinterpret_cast<DispatcherObject*>(
      PyRef::share(reinterpret_cast<PyObject*>(peer.dispatcher())).release());
  new (&self->request) rpc::Incoming(std::move(request));
  self->arrived = Clock::system().now();
  new (&self->patrol) Deadline(Deadline::never());
  new (&self->kept) std::vector<object::IdKey>();
  self->stage = JobStage::kDone;
  enter(self);
  self->stage = JobStage::kWaiting;
  ++self->dispatcher->pending;
  return object;
}

bool init_job_type(State& state, PyObject* module) noexcept {
  state.job_type = PyRef::steal(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return state.job_type && PyModule_AddObjectRef(module, "Job", state.job_type.get()) == 0;
}

}  // namespace sinew::python
