#include "errors.h"

#include "compat.h"

#include <cxxabi.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <new>

namespace sinew::python {
namespace {

// The option whose limit a code stands for, or null.
const char* limit_of(Errc errc) noexcept {
  switch (errc) {
    case Errc::kTooDeep: return "max_depth";
    case Errc::kFrameTooLarge: return "max_frame_size";
    case Errc::kInflateTooLarge: return "max_inflated_size";
    case Errc::kTooManyExports: return "max_exports";
    case Errc::kTooManyPending: return "max_pending_calls";
    case Errc::kQueueFull: return "max_queued_bytes";
    default: return nullptr;
  }
}

PyObject* type_for(Errc errc) noexcept {
  switch (errc) {
    case Errc::kNotDumpable:
    case Errc::kWrongType: return PyExc_TypeError;
    case Errc::kUnknownObject:
    case Errc::kUnknownHandler: return PyExc_KeyError;
    case Errc::kEndOfStream:
    case Errc::kConnectionReset: return PyExc_EOFError;
    case Errc::kTimedOut: return PyExc_TimeoutError;
    case Errc::kNoMemory: return PyExc_MemoryError;
    case Errc::kModelFailed: return PyExc_RuntimeError;
    default: return PyExc_ValueError;
  }
}

PyObject* type_for(Error::Kind kind) noexcept {
  switch (kind) {
    case Error::Kind::kTimedOut: return PyExc_TimeoutError;
    case Error::Kind::kUnsupported: return PyExc_NotImplementedError;
    case Error::Kind::kOverloaded:
    case Error::Kind::kDisconnected:
    case Error::Kind::kProtocol:
    case Error::Kind::kFailed: break;
  }
  return PyExc_EOFError;
}

// From the module: who raises knows no State, and this is no hot path.
PyRef limit_error() noexcept {
  const PyRef module = PyRef::steal(PyImport_ImportModule("sinew._sinew"));
  return module ? PyRef::steal(PyObject_GetAttrString(module.get(), "LimitError")) : PyRef();
}

}  // namespace

bool init_limit_error(State& state, PyObject* module) noexcept {
  const PyRef bases = PyRef::steal(PyTuple_Pack(2, PyExc_ValueError, PyExc_RecursionError));
  const PyRef members = PyRef::steal(Py_BuildValue("{s:O}", "limit", Py_None));
  if (!bases || !members) return false;
  state.limit_error = PyRef::steal(PyErr_NewExceptionWithDoc(
      "sinew.LimitError",
      "A limit of a connection's configuration was reached, here or at the peer.\n\n"
      "`limit` is the name of the option.",
      bases.get(), members.get()));
  return state.limit_error &&
         PyModule_AddObjectRef(module, "LimitError", state.limit_error.get()) == 0;
}

bool init_stale_error(State& state, PyObject* module) noexcept {
  state.stale_error = PyRef::steal(PyErr_NewExceptionWithDoc(
      "sinew.StaleReference",
      "An object of a peer was used after its connection had ended, and another connection has "
      "taken or will take its place: fetch the object again there.",
      PyExc_EOFError, nullptr));
  return state.stale_error &&
         PyModule_AddObjectRef(module, "StaleReference", state.stale_error.get()) == 0;
}

void raise_limit(const char* limit, const char* message) noexcept {
  const PyRef type = limit_error();
  const PyRef error =
      type ? PyRef::steal(PyObject_CallFunction(type.get(), "s", message)) : PyRef();
  const PyRef name = error ? PyRef::steal(PyUnicode_FromString(limit)) : PyRef();
  if (name && PyObject_SetAttrString(error.get(), "limit", name.get()) == 0) {
    PyErr_SetObject(type.get(), error.get());
  }
}

void raise_error(const Error& error) noexcept {
  PyErr_SetString(type_for(error.kind()), error.what());
}

void raise_codec_error(Errc errc, const char* doing) noexcept {
  if (errc == Errc::kModelFailed && PyErr_Occurred() != nullptr) return;
  const PyRef text = PyRef::steal(
      PyUnicode_FromFormat("%s: %s", doing, describe(errc).data()));  // a literal: terminated
  const char* const message = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  if (message == nullptr) return;
  if (const char* const limit = limit_of(errc)) return raise_limit(limit, message);
  PyErr_SetString(type_for(errc), message);
}

void report_unraisable(PyObject* where) noexcept {
  const bool is_main = ::gettid() == ::getpid();  // nowhere else does Ctrl-C raise anything
  if (is_main && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) != 0) {
    PyErr_Clear();
    PyErr_SetInterrupt();
  } else {
    PyErr_WriteUnraisable(where);
  }
}

void raise_current() noexcept {
  try {
    throw;
  } catch (const abi::__forced_unwind&) {
    std::terminate();  // a thread that CPython ends, without the GIL: see survive_shutdown()
  } catch (const LimitReached& error) {
    raise_limit(error.limit(), error.what());
  } catch (const Error& error) {
    raise_error(error);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  } catch (...) {
    PyErr_SetString(PyExc_SystemError, "an unknown C++ exception");
  }
}

Deadline deadline_after(double seconds) noexcept {
  constexpr double kLongest = 1e9;  // thirty years: beyond what a 64-bit nanosecond clock adds up
  if (!(seconds < kLongest)) return Deadline::never();
  if (seconds <= 0) return Deadline::after(Duration::zero());
  return Deadline::after(
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
}

void name_key(const char* key) noexcept {
  // Others are of the program's own making, and say what they say.
  if (PyErr_ExceptionMatches(PyExc_TypeError) == 0 &&
      PyErr_ExceptionMatches(PyExc_OverflowError) == 0) {
    return;
  }
  const PyRef exception = take_exception();
  PyErr_Format(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), "the configuration's %s: %S",
               key, exception.get());
}

}  // namespace sinew::python
