#pragma once

#include "py_ref.h"

namespace sinew::python {

/// Gives the GIL up for the time of a wait. The only way to do so in this extension.
class AllowThreads {
 public:
  AllowThreads() noexcept;
  ~AllowThreads();
  AllowThreads(const AllowThreads&) = delete;
  AllowThreads& operator=(const AllowThreads&) = delete;

 private:
  PyThreadState* state_;
};

/// Holds the GIL, on a thread that gave it up or that Python has never seen. The only way to take
/// it in this extension. A thread of Python's finds its own thread state again (34 ns); for a
/// thread of the engine CPython makes one and throws it away each time (274 ns). That is the idle
/// flusher's alone, and only over a stream made in Python.
///
/// The thread state is always one of the main interpreter: others cannot import the module.
///
/// Not for use once the interpreter is finalising: check interpreter_is_gone() first on threads
/// that are not Python's own.
class AdoptThread {
 public:
  AdoptThread() noexcept;
  ~AdoptThread();
  AdoptThread(const AdoptThread&) = delete;
  AdoptThread& operator=(const AdoptThread&) = delete;

 private:
  PyGILState_STATE state_;
};

/// Before 3.14 CPython ends a thread that asks for the GIL during shutdown with pthread_exit(),
/// whose unwinding no C++ function that is noexcept survives. Such a thread is put to sleep
/// instead: the process is about to end. To be called at import. False with an exception set.
bool survive_shutdown() noexcept;

/// True when no Python code can run any more.
bool interpreter_is_gone() noexcept;

/// Lets go of a reference on a thread that may or may not hold the GIL: at once if it does, else as
/// soon as a thread that does comes by release_deferred().
void release_anywhere(PyObject* object) noexcept;

/// Lets go of what release_anywhere() put off. With the GIL held.
void release_deferred() noexcept;

}  // namespace sinew::python
