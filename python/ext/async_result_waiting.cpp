// How a thread waits for an AsyncResult: in the engine, through gevent's hub, or by conn.serve().

#include <utility>

#include "async_result_object.h"
#include "compat.h"
#include "errors.h"
#include "gil.h"
#include "job.h"
#include "messages.h"
#include "patience.h"
#include "question.h"

namespace sinew::python {
namespace {

// What this thread waits for by calling conn.serve(). That must not wait for a message that nobody
// is going to send while another thread reads the very answer.
thread_local AsyncResultObject* awaited = nullptr;

// False with an exception set.
bool wait_cooperatively(Peer& peer, AsyncResultObject* self) noexcept {
  double seconds = -1;
  if (!self->expiry.is_never()) {
    seconds = std::chrono::duration<double>(self->expiry.remaining()).count();
  }
  const PyRef left = PyRef::steal(PyFloat_FromDouble(seconds));
  return left && PyRef::steal(PyObject_CallMethodObjArgs(
                     peer.cooperator(), peer.state().names.wait_for.get(),
                     reinterpret_cast<PyObject*>(self), left.get(), nullptr));
}

// Another thread may give the call up meanwhile, and cannot wake one that reads. Without the GIL.
rpc::WaitStatus wait_in_slices(Peer& peer, AsyncResultObject& self) noexcept {
  constexpr auto kSlice = std::chrono::milliseconds(100);
  while (true) {
    const Deadline slice = Deadline::earlier(self.expiry, Deadline::after(kSlice));
    const rpc::WaitStatus status = peer.connection().wait(*self.call, slice);
    if (status != rpc::WaitStatus::kTimedOut || self.call->done() || self.expiry.passed()) {
      return status;
    }
  }
}

}  // namespace

bool poll_once(AsyncResultObject* self) noexcept {
  Peer* const peer = peer_of(self);
  if (peer == nullptr) return false;
  if (!self->call || is_taken(self, kPollHooks)) {
    return static_cast<bool>(
        PyRef::steal(PyObject_CallMethodNoArgs(reinterpret_cast<PyObject*>(self->connection),
                                               self->connection->state->names.poll_all.get())));
  }
  if (PyObject* const cooperator = peer->cooperator()) {
    return static_cast<bool>(
        PyRef::steal(PyObject_CallMethodNoArgs(cooperator, peer->state().names.poll_once.get())));
  }
  rpc::WaitStatus status{};
  {
    const AllowThreads unlocked;
    status = peer->connection().wait(*self->call, Deadline::after(Duration::zero()));
  }
  announce_if_pending(*peer, *self->call);
  return status != rpc::WaitStatus::kInterrupted || PyErr_Occurred() == nullptr;
}

bool wait_by_serving(AsyncResultObject* self) noexcept {
  PyObject* const connection = reinterpret_cast<PyObject*>(self->connection);
  while (!is_done(self) && !is_expired(self)) {
    if (self->connection->peer->connection().is_dead()) {
      raise_dead(*self->connection->peer);
      return false;
    }
    AsyncResultObject* const outer = std::exchange(awaited, self);
    const PyRef served = PyRef::steal(
        PyObject_CallMethodOneArg(connection, self->connection->state->names.serve_for.get(),
                                  reinterpret_cast<PyObject*>(self)));
    awaited = outer;
    if (!served) {
      if (!is_done(self) || PyErr_ExceptionMatches(PyExc_EOFError) == 0) return false;
      PyErr_Clear();  // the answer was the last thing that came
    }
    if (PyErr_CheckSignals() != 0) return false;
  }
  return true;
}

bool wait_by_the_engine(Peer& peer, AsyncResultObject* self) noexcept {
  if (refuse_to_wait(peer)) return false;
  if (peer.cooperator() != nullptr) return wait_cooperatively(peer, self);
  if (peer.poll_briefly(*self->call, self->expiry)) return true;
  // A signal that came while we looked would not interrupt the wait any more.
  if (PyErr_Occurred() != nullptr || PyErr_CheckSignals() != 0) return false;
  const Adopting adopting(peer, *self->call);
  if (PyErr_Occurred() != nullptr) return false;
  const rpc::WaitStatus status =
      wait_without_gil(peer.patience(), [&] { return wait_in_slices(peer, *self); });
  if (status == rpc::WaitStatus::kInterrupted && PyErr_Occurred() != nullptr) return false;
  if (status != rpc::WaitStatus::kDead || self->call->done()) return true;
  raise_dead(peer);
  return false;
}

PyRef wait_for_awaited(ConnectionObject* connection, Deadline deadline) noexcept {
  AsyncResultObject* const self = std::exchange(awaited, nullptr);
  if (self == nullptr || self->connection != connection || !self->call || self->call->done()) {
    return {};
  }
  const PyRef alive = PyRef::share(reinterpret_cast<PyObject*>(self));
  Peer* const peer = connection->peer;
  rpc::WaitStatus status{};
  {
    const AllowThreads unlocked;
    status = peer->connection().wait(*self->call, Deadline::earlier(deadline, self->expiry));
  }
  announce_if_pending(*peer, *self->call);
  if (status == rpc::WaitStatus::kInterrupted && PyErr_Occurred() != nullptr) return {};
  if (status == rpc::WaitStatus::kDead && !is_done(self)) {
    raise_dead(*peer);
    return {};
  }
  return PyRef::share(status == rpc::WaitStatus::kTimedOut ? Py_False : Py_True);
}

}  // namespace sinew::python
