#include "job.h"

#include <structmember.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "answer.h"
#include "canceller.h"
#include "dialect/rpyc/references.h"
#include "dispatcher_object.h"
#include "errors.h"
#include "gil.h"
#include "give_back.h"
#include "overrides.h"
#include "serve.h"
#include "slot.h"
#include "wire/brine_tokens.h"

namespace sinew::python {
namespace {

using dialect::rpyc::Handler;

enum class Stage : std::uint8_t { kWaiting, kRunning, kAwaiting, kDone };

// The field that Python's member table names by its offset.
struct JobHead {
  PyObject ob_base;
  PyObject* on_cancel;  // owned reference: stops the coroutine; null: there is none
};

struct JobObject : JobHead {
  ConnectionObject* connection;  // owned reference
  DispatcherObject* dispatcher;  // owned reference
  rpc::Incoming request;
  TimePoint arrived;
  Deadline patrol;  // when somebody is to look whether it was started, or is done
  Stage stage;
  std::vector<object::IdKey> kept;  // what the request names, which is not to be gone before
  bool counted;                     // among the jobs that the end of the connection waits for
  bool is_farewell;                 // after which nothing is answered
};

// Jobs that wait to be run or for their coroutines, those of a peer in the order of its requests.
using Key = std::pair<std::uint64_t, std::int64_t>;
using Table = std::multimap<Key, JobObject*>;

Table& table() noexcept {
  static Table* const jobs = new Table();  // never destroyed: threads may outlive static objects
  return *jobs;
}

JobObject* self_of(PyObject* object) noexcept { return reinterpret_cast<JobObject*>(object); }
PyObject* object_of(JobObject* self) noexcept { return reinterpret_cast<PyObject*>(self); }
Peer& peer_of(JobObject* self) noexcept { return *self->connection->peer; }
Key key_of(JobObject* self) noexcept { return {peer_of(self).serial(), self->request.seq}; }

void enter(JobObject* self) { table().emplace(key_of(self), self); }

void withdraw(JobObject* self) noexcept {
  const auto [first, last] = table().equal_range(key_of(self));
  for (auto job = first; job != last; ++job) {
    if (job->second != self) continue;
    table().erase(job);
    return;
  }
}

void look_at(JobObject* self, Deadline when) noexcept {
  self->patrol = when;
  if (!when.is_never()) {
    Canceller::get().expire_at(when.at(), peer_of(self).serial(), self->request.seq);
  }
}

void stop_looking(JobObject* self) noexcept {
  if (!self->patrol.is_never()) {
    Canceller::get().forget_expiry(self->patrol.at(), peer_of(self).serial(), self->request.seq);
  }
  self->patrol = Deadline::never();
}

// The arguments of a request, as a box.
Reader arguments_of(const rpc::Incoming& request) noexcept {
  Reader in(request.body.bytes());
  if (wire::read_tuple_header_of(in, 2)) static_cast<void>(wire::read_int(in));
  return in;
}

// The peer may release what a request names as soon as it is sent: it would be gone before the
// request is looked at.
void keep_exports(JobObject* self) {
  Peer& peer = peer_of(self);
  Reader in = arguments_of(self->request);
  static_cast<void>(dialect::rpyc::for_each_export(
      in, peer.limits().brine.max_depth, [&](const object::ObjectIdView& id) {
        if (peer.retain_export(id)) self->kept.push_back({id.class_id, id.instance_id});
      }));
}

void release_exports(JobObject* self) noexcept {
  for (const object::IdKey& key : std::exchange(self->kept, {})) {
    static_cast<void>(peer_of(self).release_export({{}, key.class_id, key.instance_id}, 1));
  }
}

double seconds_since(TimePoint then) noexcept {
  return std::chrono::duration<double>(Clock::system().now() - then).count();
}

// The last step of every job.
void finish(JobObject* self) noexcept {
  self->stage = Stage::kDone;
  release_exports(self);
  self->request.body = Slice();
  if (std::exchange(self->counted, false)) peer_of(self).job_done();
}

// Out of the queue, if it is still there. False if it is being run, or was.
bool start(JobObject* self) noexcept {
  if (self->stage != Stage::kWaiting) return false;
  withdraw(self);
  stop_looking(self);
  --self->dispatcher->pending;
  self->stage = Stage::kRunning;
  return true;
}

// Answers with the exception that is set, whatever it is.
void answer_failure(JobObject* self) noexcept {
  if (self->is_farewell) return PyErr_Clear();
  if (!answer_with_error(peer_of(self), self->request.seq)) {
    PyErr_Clear();
    PyErr_SetString(PyExc_RuntimeError, "the call was interrupted where it ran");
    if (!answer_with_error(peer_of(self), self->request.seq)) PyErr_Clear();
  }
}

// Has a job that was not started be answered with the exception that is set.
void refuse(JobObject* self) noexcept {
  if (!start(self)) return PyErr_Clear();
  give_back_box(peer_of(self), arguments_of(self->request));
  answer_failure(self);
  finish(self);
}

std::string name_of(const DispatcherObject* dispatcher) {
  return Py_TYPE(&dispatcher->ob_base)->tp_name;
}

// The exception that is set is to leave where the job was called; its caller gets to know.
void raise_here(JobObject* self) noexcept {
  PyRef exception = take_exception();
  PyErr_Format(PyExc_RuntimeError, "the call was interrupted where it ran, by %s",
               Py_TYPE(exception.get())->tp_name);
  answer_failure(self);
  restore_exception(std::move(exception));
}

// Serves the request here. False with an exception set that is to leave.
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
  self->stage = Stage::kAwaiting;
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
  if (!taken && self->stage == Stage::kAwaiting) {
    withdraw(self);
    stop_looking(self);
    answer_failure(self);
    finish(self);
  }
  return true;
}

// The coroutine is over. False if that is known already.
bool end_await(JobObject* self) noexcept {
  if (self->stage != Stage::kAwaiting) return false;
  withdraw(self);
  stop_looking(self);
  self->stage = Stage::kRunning;
  Py_CLEAR(self->on_cancel);
  return true;
}

// ---------------------------------------------------------------------------------------------
// The type

PyObject* job_call(PyObject* object, PyObject* /*args*/, PyObject* /*kwargs*/) {
  if (!run(self_of(object))) return nullptr;
  Py_RETURN_NONE;
}

PyObject* job_answer(PyObject* object, PyObject* value) {
  JobObject* const self = self_of(object);
  if (!end_await(self)) Py_RETURN_NONE;
  const bool stay = answer_with(peer_of(self), self->request.seq, value);
  finish(self);
  if (!stay) return nullptr;
  Py_RETURN_NONE;
}

PyObject* job_fail(PyObject* object, PyObject* exception) {
  JobObject* const self = self_of(object);
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
  const Deadline deadline = self_of(object)->request.deadline;
  if (deadline.is_never()) Py_RETURN_NONE;
  return PyFloat_FromDouble(
      std::chrono::duration<double>(deadline.at().time_since_epoch()).count());
}

PyObject* job_get_waits(PyObject* object, void* /*closure*/) {
  return PyBool_FromLong(self_of(object)->stage == Stage::kWaiting ? 1 : 0);
}

PyObject* job_get_connection(PyObject* object, void* /*closure*/) {
  return PyRef::share(reinterpret_cast<PyObject*>(self_of(object)->connection)).release();
}

int job_traverse(PyObject* object, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self_of(object)->on_cancel);
  Py_VISIT(self_of(object)->connection);
  Py_VISIT(self_of(object)->dispatcher);
  return 0;
}

// Somebody let go of a job that was never run: its caller must not wait for ever.
void answer_dropped(JobObject* self) noexcept {
  PyRef outer = PyErr_Occurred() != nullptr ? take_exception() : PyRef();
  if (end_await(self)) {
    PyErr_SetString(PyExc_RuntimeError, "the coroutine that serves the call was dropped");
    answer_failure(self);
    finish(self);
  } else if (self->stage == Stage::kWaiting) {
    PyErr_Format(PyExc_RuntimeError,
                 "the call was dropped after %d ms without being run: the loop of the %s has ended",
                 static_cast<int>(seconds_since(self->arrived) * 1000),
                 Py_TYPE(&self->dispatcher->ob_base)->tp_name);
    refuse(self);
  }
  if (outer) restore_exception(std::move(outer));
}

void job_dealloc(PyObject* object) noexcept {
  JobObject* const self = self_of(object);
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

PyRef make_job(Peer& peer, rpc::Incoming request) {
  auto* const type = reinterpret_cast<PyTypeObject*>(peer.state().job_type.get());
  PyRef object = PyRef::steal(type->tp_alloc(type, 0));
  if (!object) return object;
  JobObject* const self = self_of(object.get());
  Py_INCREF(peer.owner_object());
  self->connection = peer.owner();
  self->dispatcher = reinterpret_cast<DispatcherObject*>(
      PyRef::share(reinterpret_cast<PyObject*>(peer.dispatcher())).release());
  new (&self->request) rpc::Incoming(std::move(request));
  self->arrived = Clock::system().now();
  new (&self->patrol) Deadline(Deadline::never());
  new (&self->kept) std::vector<object::IdKey>();
  self->stage = Stage::kDone;
  enter(self);
  self->stage = Stage::kWaiting;
  ++self->dispatcher->pending;
  return object;
}

// The caller's deadline is told a little early, so that the reason arrives before it gives up.
Deadline latest_start(const JobObject* self) noexcept {
  Deadline latest = Deadline::never();
  if (const double seconds = self->dispatcher->start_within; seconds > 0) {
    latest = deadline_after(seconds);
  }
  if (self->request.deadline.is_never()) return latest;
  constexpr Duration kHeadStart = std::chrono::milliseconds(50);
  const Duration left = self->request.deadline.remaining();
  const Deadline early = Deadline::after(left - std::min<Duration>(kHeadStart, left / 10));
  return Deadline::earlier(latest, early);
}

std::optional<std::int64_t> code_of(const rpc::Incoming& request) noexcept {
  Reader in(request.body.bytes());
  if (!wire::read_tuple_header_of(in, 2) || !wire::next_is_int(in)) return std::nullopt;
  const auto code = wire::read_int(in);
  return code ? std::optional(*code) : std::nullopt;
}

// Whether it is the engine that serves such a request, and not a method of the program.
bool is_ours(Peer& peer, std::int64_t code) noexcept {
  return peer.override_of(code) == nullptr &&
         (overridden(peer.owner()) & (hooks_of(code) | kMessageHooks)) == 0;
}

void submit(Peer& peer, PyObject* job) noexcept {
  const PyRef taken = PyRef::steal(PyObject_CallMethodOneArg(
      reinterpret_cast<PyObject*>(peer.dispatcher()), peer.state().names.submit.get(), job));
  if (!taken) refuse(self_of(job));
}

// Whether a thread that waits for the answer to `question` is to serve that.
bool belongs_to(Peer& peer, const rpc::Incoming& request, std::int64_t question) noexcept {
  return request.on_behalf_of == question || peer.adopts(request);
}

thread_local Adopting* innermost_adopting = nullptr;

}  // namespace

bool init_job_type(State& state, PyObject* module) noexcept {
  state.job_type = PyRef::steal(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return state.job_type && PyModule_AddObjectRef(module, "Job", state.job_type.get()) == 0;
}

bool runs_anywhere(Peer& peer, const rpc::Incoming& request) noexcept {
  const auto code = code_of(request);
  const bool runs_nothing = code == static_cast<std::int64_t>(Handler::kPing) ||
                            code == static_cast<std::int64_t>(Handler::kDel);
  return runs_nothing && is_ours(peer, *code);
}

void hand_over(Peer& peer, rpc::Incoming request) noexcept try {
  const auto code = code_of(request);
  const PyRef job = make_job(peer, std::move(request));
  if (!job) return PyErr_WriteUnraisable(peer.owner_object());
  JobObject* const self = self_of(job.get());
  if (code == static_cast<std::int64_t>(Handler::kClose) && is_ours(peer, *code)) {
    self->is_farewell = true;
    return peer.when_settled(job.get());
  }
  self->counted = true;
  peer.job_begins();
  keep_exports(self);
  if (self->dispatcher->pending > self->dispatcher->max_pending) {
    raise_limit("max_pending", "more calls than max_pending wait to be run");
    return refuse(self);
  }
  if (peer.session().may_cancel() &&
      Canceller::get().was_cancelled(peer.serial(), self->request.seq)) {
    PyErr_SetString(peer.state().cancelled_error.get(), "cancelled before it was started");
    return refuse(self);
  }
  look_at(self, latest_start(self));
  submit(peer, job.get());
} catch (...) {
  raise_current();
  PyErr_WriteUnraisable(peer.owner_object());  // out of memory: the caller gives up some time
}

bool stop_job(std::uint64_t peer_serial, std::int64_t seq) noexcept {
  const auto found = table().find({peer_serial, seq});
  if (found == table().end()) return false;
  JobObject* const self = found->second;
  const PyRef alive = PyRef::share(object_of(self));
  if (self->stage == Stage::kAwaiting) {
    const PyRef stop = PyRef::share(self->on_cancel);
    if (!stop) return true;
    if (!PyRef::steal(PyObject_CallNoArgs(stop.get()))) PyErr_WriteUnraisable(stop.get());
    return true;
  }
  if (!self->patrol.passed()) {
    PyErr_SetString(peer_of(self).state().cancelled_error.get(), "cancelled before it was started");
  } else {
    PyErr_SetString(PyExc_TimeoutError,
                    fmt::format("{} has not run the call for {:.3g} s", name_of(self->dispatcher),
                                seconds_since(self->arrived))
                        .c_str());
  }
  refuse(self);
  return true;
}

void cancel_coroutines(Peer& peer) noexcept {
  std::int64_t from = INT64_MIN;
  while (true) {
    const auto next = table().lower_bound({peer.serial(), from});
    if (next == table().end() || next->first.first != peer.serial()) return;
    const std::int64_t seq = next->first.second;
    if (next->second->stage == Stage::kAwaiting) stop_job(peer.serial(), seq);
    if (seq == INT64_MAX) return;
    from = seq + 1;
  }
}

void let_go(Peer& peer, PyRef object) noexcept {
  DispatcherObject* const dispatcher = peer.dispatcher();
  if (!object || dispatcher == nullptr || dispatcher->serial == 0 || Py_REFCNT(object.get()) > 1 ||
      is_on(dispatcher)) {
    return;
  }
  const PyRef outer = PyErr_Occurred() != nullptr ? take_exception() : PyRef();
  const PyRef last = PyRef::steal(PyList_New(1));
  if (last) {
    PyList_SET_ITEM(last.get(), 0, object.release());
    const PyRef drop = PyRef::steal(PyObject_GetAttrString(last.get(), "clear"));
    const PyRef taken =
        drop ? PyRef::steal(PyObject_CallMethodOneArg(reinterpret_cast<PyObject*>(dispatcher),
                                                      peer.state().names.submit.get(), drop.get()))
             : PyRef();
  }
  PyErr_Clear();  // closed: it goes here
  if (outer) restore_exception(PyRef::share(outer.get()));
}

// ---------------------------------------------------------------------------------------------
// The peer's part

void Peer::job_done() noexcept {
  if (--jobs_ > 0) return;
  const std::vector<PyRef> work = std::exchange(when_settled_, {});
  for (const PyRef& each : work) when_settled(each.get());
}

void Peer::when_settled(PyObject* work) noexcept try {
  if (jobs_ > 0) {
    when_settled_.push_back(PyRef::share(work));
    return;
  }
  PyRef taken = PyRef::steal(PyObject_CallMethodOneArg(reinterpret_cast<PyObject*>(dispatcher()),
                                                       state().names.submit.get(), work));
  if (taken) return;
  PyErr_Clear();  // closed
  taken = PyRef::steal(PyObject_CallNoArgs(work));
  if (!taken) PyErr_WriteUnraisable(work);
} catch (...) {
  raise_current();
  PyErr_WriteUnraisable(work);
}

void Peer::adopt_for(std::int64_t question) noexcept try {
  adopting_.push_back(question);
} catch (...) {
  // Out of memory: such requests wait for the dispatcher.
}

void Peer::stop_adopting(std::int64_t question) noexcept { std::erase(adopting_, question); }

bool Peer::adopts(const rpc::Incoming& request) const noexcept {
  return request.on_behalf_of == rpc::Incoming::kNobody &&
         !session_.agrees_on(dialect::rpyc::Extension::kAffinity) &&
         (dispatcher()->serial != 0 || dispatcher()->full != 0);
}

std::optional<std::int64_t> Peer::adopting_question(const rpc::Incoming& request) const noexcept {
  if (adopting_.empty() || !adopts(request)) return std::nullopt;
  return adopting_.back();
}

// ---------------------------------------------------------------------------------------------
// Adopting

Adopting::Adopting(Peer& peer, rpc::Call& question) noexcept
    : peer_(peer.dispatcher() != nullptr && is_on(peer.dispatcher()) ? &peer : nullptr),
      question_(question) {
  if (peer_ == nullptr) [[likely]]
    return;
  outer_ = std::exchange(innermost_adopting, this);
  resume();
}

Adopting::~Adopting() {
  if (peer_ == nullptr) return;
  pause();
  innermost_adopting = outer_;
}

void Adopting::pause() noexcept { peer_->stop_adopting(question_.seq()); }

// Under the GIL since the last look at what waits, so that nothing comes between.
void Adopting::resume() noexcept {
  run_what_waits();
  peer_->connection().expect_wait(question_);
  peer_->adopt_for(question_.seq());
}

Adopting* Adopting::of(const Peer& peer, std::int64_t question) noexcept {
  Adopting* const here = innermost_adopting;
  return here != nullptr && here->peer_ == &peer && here->question_.seq() == question ? here
                                                                                      : nullptr;
}

void Adopting::run_what_waits() noexcept {
  bool any = true;
  while (any && PyErr_Occurred() == nullptr) {
    any = false;
    const auto end = table().upper_bound({peer_->serial(), INT64_MAX});
    for (auto job = table().lower_bound({peer_->serial(), INT64_MIN}); job != end; ++job) {
      JobObject* const self = job->second;
      if (self->stage != Stage::kWaiting || self->is_farewell ||
          !belongs_to(*peer_, self->request, question_.seq())) {
        continue;
      }
      const PyRef alive = PyRef::share(object_of(self));
      run(self);  // the table may be another one now
      any = true;
      break;
    }
  }
}

}  // namespace sinew::python
