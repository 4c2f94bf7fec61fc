#include "job.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "canceller.h"
#include "errors.h"
#include "job_object.h"
#include "overrides.h"
#include "request_body.h"

// From the thread that reads to the dispatcher: which requests, with which deadlines, and what
// becomes of them when nobody waits any more.

namespace sinew::python {
namespace {

using dialect::rpyc::Handler;

std::string name_of(const DispatcherObject* dispatcher) {
  return Py_TYPE(&dispatcher->ob_base)->tp_name;
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

// Whether it is the engine that serves such a request, and not a method of the program.
bool is_ours(Peer& peer, std::int64_t code) noexcept {
  return peer.override_of(code) == nullptr &&
         (overridden(peer.owner()) & (hooks_of(code) | kMessageHooks)) == 0;
}

thread_local const Peer* handing_over = nullptr;

void submit(Peer& peer, PyObject* job) noexcept {
  const Peer* const outer = std::exchange(handing_over, &peer);
  const PyRef taken = PyRef::steal(PyObject_CallMethodOneArg(
      reinterpret_cast<PyObject*>(peer.dispatcher()), peer.state().names.submit.get(), job));
  handing_over = outer;
  if (!taken) refuse(job_of(job));
}

}  // namespace

bool runs_anywhere(Peer& peer, const rpc::Incoming& request) noexcept {
  const auto code = code_of(request);
  const bool runs_nothing = code == static_cast<std::int64_t>(Handler::kPing) ||
                            code == static_cast<std::int64_t>(Handler::kDel);
  return runs_nothing && is_ours(peer, *code);
}

bool refuse_to_wait(const Peer& peer) noexcept {
  if (handing_over != &peer) [[likely]]
    return false;
  PyErr_SetString(
      PyExc_RuntimeError,
      "a dispatcher's submit() cannot wait for an answer over the connection that it is "
      "given a request of: this thread is the one that reads there");
  return true;
}

void hand_over(Peer& peer, rpc::Incoming request) noexcept try {
  const auto code = code_of(request);
  const PyRef job = make_job(peer, std::move(request));
  if (!job) return report_unraisable(peer.owner_object());
  JobObject* const self = job_of(job.get());
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
  report_unraisable(peer.owner_object());  // out of memory: the caller gives up some time
}

bool stop_job(std::uint64_t peer_serial, std::int64_t seq) noexcept {
  const auto found = jobs().find({peer_serial, seq});
  if (found == jobs().end()) return false;
  JobObject* const self = found->second;
  const PyRef alive = PyRef::share(object_of(self));
  if (self->stage == JobStage::kAwaiting) {
    const PyRef stop = PyRef::share(self->on_cancel);
    self->stop_wanted = !stop;
    if (!stop) return true;  // the dispatcher is just taking it over
    if (!PyRef::steal(PyObject_CallNoArgs(stop.get()))) report_unraisable(stop.get());
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
    const auto next = jobs().lower_bound({peer.serial(), from});
    if (next == jobs().end() || next->first.first != peer.serial()) return;
    const std::int64_t seq = next->first.second;
    if (next->second->stage == JobStage::kAwaiting) stop_job(peer.serial(), seq);
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
  if (!taken) report_unraisable(work);
} catch (...) {
  raise_current();
  report_unraisable(work);
}

}  // namespace sinew::python
