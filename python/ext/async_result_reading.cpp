// Reading the answer of an AsyncResult: once, whoever asks for it.

#include <utility>

#include "async_result_object.h"
#include "errors.h"
#include "messages.h"
#include "question.h"

namespace sinew::python {
namespace {

PyRef make_held_lock() noexcept {
  const PyRef threading = PyRef::steal(PyImport_ImportModule("threading"));
  PyRef lock =
      threading ? PyRef::steal(PyObject_CallMethod(threading.get(), "Lock", nullptr)) : PyRef();
  if (!lock || !PyRef::steal(PyObject_CallMethod(lock.get(), "acquire", nullptr))) return {};
  return lock;
}

// Another thread is decoding, which may take a round trip. A lock of Python's, so that Ctrl-C ends
// the wait, and so that greenlets wait as greenlets do. False with an exception set.
bool wait_for_reader(Peer& peer, AsyncResultObject* self) noexcept {
  if (peer.cooperator() == nullptr && self->reader == PyThread_get_thread_ident()) {
    PyErr_SetString(PyExc_RuntimeError, "the result is asked for by what its reading calls");
    return false;
  }
  if (self->turn == nullptr) {
    PyRef lock = make_held_lock();
    if (!lock) return false;
    if (self->reader == 0 || self->turn != nullptr) return true;  // meanwhile
    self->turn = lock.release();
  }
  const PyRef turn = PyRef::share(self->turn);
  const PyRef acquired = PyRef::steal(PyObject_CallMethod(turn.get(), "acquire", nullptr));
  return acquired && PyRef::steal(PyObject_CallMethod(turn.get(), "release", nullptr));
}

// Decoding twice would give back twice what the peer has lent once.
class Reading {
 public:
  explicit Reading(AsyncResultObject* self) noexcept : self_(self) {
    self->reader = PyThread_get_thread_ident();
  }
  ~Reading() {
    self_->reader = 0;
    const PyRef turn = PyRef::steal(std::exchange(self_->turn, nullptr));
    if (!turn) return;
    if (!PyRef::steal(PyObject_CallMethod(turn.get(), "release", nullptr))) {
      report_unraisable(turn.get());
    }
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  AsyncResultObject* const self_;
};

void read_answer(Peer& peer, AsyncResultObject* self) noexcept {
  const Reading reading(self);
  PyRef value = PyRef::steal(take_outcome(peer, *self->call));
  const bool is_exception = !value;
  if (!value) value = take_exception();
  if (self->value == nullptr) {  // unless the program was quicker
    self->is_exception = is_exception;
    self->value = value.release();
  }
  peer.answer_taken(*self->call);
}

}  // namespace

bool decode(AsyncResultObject* self) noexcept {
  while (self->value == nullptr) {
    Peer* const peer = peer_of(self);
    if (peer == nullptr) return false;
    if (self->by_number && self->call->outcome() != rpc::Call::Outcome::kFailed) {
      return std::exchange(self->delivered, true) ||
             deliver_in_python(*peer, *self->call, reinterpret_cast<PyObject*>(self));
    }
    if (self->reader == 0) {
      read_answer(*peer, self);
    } else if (!wait_for_reader(*peer, self)) {
      return false;
    }
  }
  return true;
}

void deliver(AsyncResultObject* self) noexcept {
  if (decode(self)) return;
  PyRef exception = take_exception();
  if (self->value != nullptr) return;
  self->is_exception = true;
  self->value = exception.release();
}

}  // namespace sinew::python
