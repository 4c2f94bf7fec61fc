#include "errors.h"

#include <chrono>
#include <new>

namespace sinew::python {
namespace {

PyObject* type_for(Error::Kind kind) noexcept {
  switch (kind) {
    case Error::Kind::kDisconnected:
    case Error::Kind::kProtocol: return PyExc_EOFError;
    case Error::Kind::kTimedOut: return PyExc_TimeoutError;
    case Error::Kind::kOverloaded: return PyExc_MemoryError;
    case Error::Kind::kRefused: return PyExc_PermissionError;
    case Error::Kind::kUnsupported: return PyExc_NotImplementedError;
    case Error::Kind::kFailed: break;
  }
  return PyExc_EOFError;  // every dead connection is an EOFError, as it is in stock RPyC
}

}  // namespace

void raise_error(const Error& error) noexcept {
  PyErr_SetString(type_for(error.kind()), error.what());
}

void raise_current() noexcept {
  try {
    throw;
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

}  // namespace sinew::python
