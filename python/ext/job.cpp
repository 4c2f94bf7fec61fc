#include "job.h"

#include <utility>

#include "answer.h"
#include "canceller.h"
#include "dialect/rpyc/references.h"
#include "errors.h"
#include "give_back.h"
#include "job_object.h"
#include "request_body.h"
#include "serve.h"

// The life of a job: queued, run, perhaps awaited, answered once.

namespace sinew::python {
namespace {

JobKey key_of(JobObject* self) noexcept { return {peer_of(self).serial(), self->request.seq}; }

void withdraw(JobObject* self) noexcept {
  const auto [first, last] = jobs().equal_range(key_of(self));
  for (auto job = first; job != last; ++job) {
    if (job->second != self) continue;
    jobs().erase(job);
    return;
  }
}

void stop_looking(JobObject* self) noexcept {
  if (!self->patrol.is_never()) {
    Canceller::get().forget_expiry(self->patrol.at(), peer_of(self).serial(), self->request.seq);
  }
  self->patrol = Deadline::never();
}

void release_exports(JobObject* self) noexcept {
  for (const object::IdKey& key : std::exchange(self->kept, {})) {
    static_cast<void>(peer_of(self).release_export({{}, key.class_id, key.instance_id}, 1));
  }
}

// Out of the queue, if it is still there. False if it is being run, or was.
bool start(JobObject* self) noexcept {
  if (self->stage != JobStage::kWaiting) return false;
  withdraw(self);
  stop_looking(self);
  --self->dispatcher->pending;
  self->stage = JobStage::kRunning;
  return true;
}

// The exception that is set is to leave where the job was called; its caller gets to know.
void raise_here(JobObject* self) noexcept {
  PyRef exception = take_exception();
  PyErr_Format(PyExc_RuntimeError, "the call was interrupted where it ran, by %s",
               Py_TYPE(exception.get())->tp_name);
  answer_failure(self);
  restore_exception(std::move(exception));
}

// Has the dispatcher await the coroutine that serves the request.
void await(JobObject* self, PyRef coroutine) noexcept {
  self->stage = JobStage::kAwaiting;
  // Nothing that ends a connection waits for a coroutine: it is cancelled instead.
  if (std::exchange(self->counted, false)) peer_of(self).job_done();
  try {
    enter(self);
  } catch (...) {
    raise_current();
  }
  constexpr auto kGrace = std::chrono::milliseconds(10);  // as in serving.cpp
  if (!self->request.deadline.is_never()) {
    look_at(self, Deadline::after(self->request.deadline.remaining() + kGrace));
  }
  const PyRef taken =
      PyErr_Occurred() == nullptr
          ? PyRef::steal(PyObject_CallMethod(reinterpret_cast<PyObject*>(self->dispatcher),
                                             "_await", "OO", object_of(self), coroutine.get()))
          : PyRef();
  if (taken && std::exchange(self->stop_wanted, false) && self->on_cancel != nullptr) {
    const PyRef stop = PyRef::share(self->on_cancel);
    if (!PyRef::steal(PyObject_CallNoArgs(stop.get()))) PyErr_WriteUnraisable(stop.get());
  }
  if (!taken && self->stage == JobStage::kAwaiting) {
    withdraw(self);
    stop_looking(self);
    answer_failure(self);
    finish(self);
  }
}

}  // namespace

JobTable& jobs() noexcept {
  static auto* const table = new JobTable();  // never destroyed: threads may outlive static objects
  return *table;
}

void enter(JobObject* self) { jobs().emplace(key_of(self), self); }

void look_at(JobObject* self, Deadline when) noexcept {
  self->patrol = when;
  if (!when.is_never()) {
    Canceller::get().expire_at(when.at(), peer_of(self).serial(), self->request.seq);
  }
}

void keep_exports(JobObject* self) {
  Peer& peer = peer_of(self);
  Reader in = arguments_of(self->request);
  static_cast<void>(dialect::rpyc::for_each_export(
      in, peer.limits().brine.max_depth, [&](const object::ObjectIdView& id) {
        if (peer.retain_export(id)) self->kept.push_back({id.class_id, id.instance_id});
      }));
}

void finish(JobObject* self) noexcept {
  self->stage = JobStage::kDone;
  release_exports(self);
  self->request.body = Slice();
  if (std::exchange(self->counted, false)) peer_of(self).job_done();
}

void answer_failure(JobObject* self) noexcept {
  if (self->is_farewell) return PyErr_Clear();
  if (!answer_with_error(peer_of(self), self->request.seq)) {
    PyErr_Clear();
    PyErr_SetString(PyExc_RuntimeError, "the call was interrupted where it ran");
    if (!answer_with_error(peer_of(self), self->request.seq)) PyErr_Clear();
  }
}

void refuse(JobObject* self) noexcept {
  if (!start(self)) return PyErr_Clear();
  give_back_box(peer_of(self), arguments_of(self->request));
  answer_failure(self);
  finish(self);
}

bool run(JobObject* self) noexcept {
  if (!start(self)) return true;
  const PyRef alive = PyRef::share(object_of(self));
  const OnDispatcher here(self->dispatcher);
  PyRef coroutine;
  bool stay = true;
  if (!self->is_farewell || !peer_of(self).connection().is_dead()) {
    stay = serve_here(peer_of(self), self->request,
                      self->dispatcher->awaits != 0 ? &coroutine : nullptr);
  }
  if (!stay) raise_here(self);
  if (!coroutine) {
    PyRef exception = stay ? PyRef() : take_exception();
    finish(self);  // may run anything
    if (exception) restore_exception(std::move(exception));
    return stay;
  }
  await(self, std::move(coroutine));
  return true;
}

bool end_await(JobObject* self) noexcept {
  if (self->stage != JobStage::kAwaiting) return false;
  withdraw(self);
  stop_looking(self);
  self->stage = JobStage::kRunning;
  Py_CLEAR(self->on_cancel);
  return true;
}

}  // namespace sinew::python
