#include "gil.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <exception>

#include "compat.h"
#include "object/release_queue.h"

namespace sinew::python {
namespace {

// An object that its last owner could not let go of, because it had no GIL.
struct Orphan {
  PyObject* object;
};

// The one place where objects are held by a static, between a send without the GIL and the next
// call with it: who lets go of them there knows no module state.
object::ReleaseQueue<Orphan>& orphans() noexcept {
  static object::ReleaseQueue<Orphan> queue;
  return queue;
}

[[noreturn]] void sleep_for_ever() noexcept {
  while (true) ::pause();
}

std::terminate_handler previous_terminate = nullptr;

// Reached by pthread_exit()'s unwinding when it meets a noexcept function, and by real errors.
[[noreturn]] void terminate_unless_shutting_down() {
  if (interpreter_is_gone()) sleep_for_ever();
  previous_terminate();
  sleep_for_ever();  // not reached: no handler may return
}

// The thread that shuts the interpreter down goes on using it.
std::atomic<bool> shutting_down{false};
std::atomic<pthread_t> last_thread{};

bool is_last_thread() noexcept {
  return shutting_down.load() && ::pthread_equal(last_thread.load(), ::pthread_self()) != 0;
}

// Called by atexit: on the thread that shuts down, before others are refused the GIL.
PyObject* remember_last_thread(PyObject* /*module*/, PyObject* /*unused*/) {
  last_thread.store(::pthread_self());
  shutting_down.store(true);
  Py_RETURN_NONE;
}

PyMethodDef at_exit_method = {"_at_exit", remember_last_thread, METH_NOARGS,
                              "Remembers which thread shuts the interpreter down."};

}  // namespace

bool survive_shutdown() noexcept {
  const PyRef hook = PyRef::steal(PyCFunction_New(&at_exit_method, nullptr));
  const PyRef atexit = hook ? PyRef::steal(PyImport_ImportModule("atexit")) : PyRef();
  const PyRef registered =
      atexit ? PyRef::steal(PyObject_CallMethod(atexit.get(), "register", "O", hook.get()))
             : PyRef();
  // Once: another interpreter in this process may import the module, too.
  if (registered && previous_terminate == nullptr) {
    previous_terminate = std::set_terminate(terminate_unless_shutting_down);
  }
  return static_cast<bool>(registered);
}

AllowThreads::AllowThreads() noexcept : state_(PyEval_SaveThread()) {}

AllowThreads::~AllowThreads() {
  if (interpreter_is_gone() && !is_last_thread()) sleep_for_ever();
  PyEval_RestoreThread(state_);
}

AdoptThread::AdoptThread() noexcept : state_(PyGILState_Ensure()) { release_deferred(); }
AdoptThread::~AdoptThread() { PyGILState_Release(state_); }

bool interpreter_is_gone() noexcept { return Py_IsInitialized() == 0 || compat_is_finalizing(); }

void release_anywhere(PyObject* object) noexcept {
  if (PyGILState_Check() != 0) {
    const PyRef owned = PyRef::steal(object);
    return;
  }
  try {
    orphans().push({object});
  } catch (...) {
    // Out of memory for forty bytes: losing the object is the smaller harm.
    return;
  }
}

void release_deferred() noexcept {
  if (orphans().empty()) return;
  orphans().drain([](Orphan orphan) { const PyRef owned = PyRef::steal(orphan.object); });
}

}  // namespace sinew::python
