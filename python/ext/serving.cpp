#include "serving.h"

#include <utility>

#include "base/per_process.h"
#include "canceller.h"
#include "errors.h"
#include "job.h"
#include "peer.h"

namespace sinew::python {
namespace {

thread_local Serving* innermost_serving = nullptr;

// All that are being served, in no order. Guarded by the GIL.
Serving* first_serving = nullptr;

// The caller, who is told the same time, is to be the first to give up.
constexpr Duration kGrace = std::chrono::milliseconds(10);

const AfterFork forget_other_threads([] { Serving::after_fork(); });

}  // namespace

Serving::Serving(Peer& peer, const rpc::Incoming& request) noexcept
    : peer_(peer),
      seq_(request.seq),
      deadline_(request.deadline),
      may_be_cancelled_(peer.session().may_cancel() || !request.deadline.is_never()),
      thread_(PyThread_get_thread_ident()),
      outer_(std::exchange(innermost_serving, this)),
      next_(std::exchange(first_serving, this)) {
  if (outer_ != nullptr) {
    outer_->inner_ = this;
    outer_->hold_back();
  }
  if (next_ != nullptr) next_->previous_ = this;
  if (!deadline_.is_never()) Canceller::get().expire_at(stops_at(), peer_.serial(), seq_);
}

Serving::~Serving() {
  if (!deadline_.is_never()) Canceller::get().forget_expiry(stops_at(), peer_.serial(), seq_);
  (previous_ != nullptr ? previous_->next_ : first_serving) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  hold_back();
  innermost_serving = outer_;
  if (outer_ == nullptr) return;
  outer_->inner_ = nullptr;
  if (outer_->is_cancelled()) outer_->strike();
}

// Only this thread's stack is still there.
void Serving::after_fork() noexcept {
  first_serving = nullptr;
  for (Serving* one = innermost_serving; one != nullptr; one = one->outer_) {
    one->previous_ = nullptr;
    one->next_ = std::exchange(first_serving, one);
    if (one->next_ != nullptr) one->next_->previous_ = one;
  }
}

TimePoint Serving::stops_at() const noexcept { return deadline_.at() + kGrace; }

Serving* Serving::innermost() noexcept { return innermost_serving; }

bool Serving::cancel(std::uint64_t peer_serial, std::int64_t seq) noexcept {
  Serving* found = first_serving;
  while (found != nullptr && !(found->peer_.serial() == peer_serial && found->seq_ == seq)) {
    found = found->next_;
  }
  if (found == nullptr) return stop_job(peer_serial, seq);
  if (!found->cancelled_.exchange(true) && found->inner_ == nullptr) found->strike();
  return true;
}

// Leaves the exception for the thread to find at its next instruction.
void Serving::strike() noexcept {
#if PY_VERSION_HEX < 0x030C0000
  // CPython 3.11.2 loses a reference to None when such an exception comes after a call that
  // returned it and a traceback keeps the frame: after some thousand cancellations None would be
  // gone.
  static_cast<void>(PyRef::share(Py_None).release());
#endif
  struck_ = true;
  PyThreadState_SetAsyncExc(thread_, peer_.state().cancelled_error.get());
}

// What has been left for this request must not hit one that is served inside it, or comes after it.
void Serving::hold_back() noexcept {
  if (std::exchange(struck_, false)) PyThreadState_SetAsyncExc(thread_, nullptr);
}

void Serving::raise() noexcept {
  hold_back();
  PyErr_SetString(peer_.state().cancelled_error.get(), "the caller does not wait any more");
}

Deadline scope_deadline(const State& state) noexcept {
  const Serving* const serving = Serving::innermost();
  const Deadline of_request = serving != nullptr ? serving->deadline() : Deadline::never();
  PyObject* value = nullptr;
  if (PyContextVar_Get(state.deadline_variable.get(), nullptr, &value) != 0) {
    PyErr_Clear();
    return of_request;
  }
  const PyRef owned = PyRef::steal(value);
  if (value == nullptr || PyFloat_Check(value) == 0) return of_request;
  const std::chrono::duration<double> now(Clock::system().now().time_since_epoch());
  return Deadline::earlier(of_request, deadline_after(PyFloat_AS_DOUBLE(value) - now.count()));
}

bool init_serving(State& state, PyObject* module) noexcept {
  state.cancelled_error = PyRef::steal(PyErr_NewExceptionWithDoc(
      "sinew.Cancelled",
      "Raised in the thread that serves a call for whose answer nobody waits any more: its caller "
      "was interrupted or cancelled it, or its deadline passed.",
      PyExc_BaseException, nullptr));
  state.deadline_variable = PyRef::steal(PyContextVar_New("sinew.deadline", nullptr));
  return state.cancelled_error && state.deadline_variable &&
         PyModule_AddObjectRef(module, "Cancelled", state.cancelled_error.get()) == 0 &&
         PyModule_AddObjectRef(module, "deadline_variable", state.deadline_variable.get()) == 0;
}

}  // namespace sinew::python
