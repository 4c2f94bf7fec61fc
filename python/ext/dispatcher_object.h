#pragma once

#include "compat.h"
#include "py_ref.h"
#include "state.h"

namespace sinew::python {

/// What says where the requests of a connection run: base class of sinew.dispatch.Dispatcher, whose
/// method `submit(job)` has the job called there. The fields are what the engine must know of it.
///
/// With the GIL held.
struct DispatcherObject {
  PyObject ob_base;
  unsigned long thread;    // the one that runs everything; 0: not just one, or not known yet
  char serial;             // one request at a time: what is let go of there is let go of in turn
  char full;               // all its threads are busy
  char awaits;             // coroutines that requests return are given to `_await(job, coroutine)`
  Py_ssize_t max_pending;  // requests that may wait to be run
  Py_ssize_t pending;      // that do
  double start_within;     // seconds in which a request must be started; 0: no limit
  PyObject* weak_references;
};

/// Makes the type. False with an exception set.
bool init_dispatcher_type(State& state, PyObject* module) noexcept;

/// Work of a dispatcher is done on this thread as long as this lives.
class OnDispatcher {
 public:
  explicit OnDispatcher(DispatcherObject* dispatcher) noexcept;
  ~OnDispatcher();
  OnDispatcher(const OnDispatcher&) = delete;
  OnDispatcher& operator=(const OnDispatcher&) = delete;

 private:
  DispatcherObject* const outer_;
};

/// Whether this thread is the dispatcher's: it runs everything there, or runs something now.
bool is_on(const DispatcherObject* dispatcher) noexcept;

}  // namespace sinew::python
