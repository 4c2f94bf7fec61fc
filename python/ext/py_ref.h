#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <utility>

namespace sinew::python {

/// Owns one reference to a Python object, or none. A plain `PyObject*` parameter or return value
/// elsewhere in the extension is borrowed.
///
/// threads: any with the GIL held.
class PyRef {
 public:
  PyRef() noexcept = default;
  PyRef(PyRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  PyRef& operator=(PyRef&& other) noexcept {
    // The old object goes last: its destructor may look at whatever holds this handle.
    PyObject* const old = std::exchange(object_, std::exchange(other.object_, nullptr));
    Py_XDECREF(old);
    return *this;
  }
  PyRef(const PyRef&) = delete;
  PyRef& operator=(const PyRef&) = delete;
  ~PyRef() { Py_XDECREF(object_); }

  /// Takes over a reference that a C function returned; null stands for its failure.
  static PyRef steal(PyObject* object) noexcept { return PyRef(object); }

  /// Takes a reference of its own.
  static PyRef share(PyObject* object) noexcept {
    Py_XINCREF(object);
    return PyRef(object);
  }

  PyObject* get() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }

  /// Gives the reference to the caller: the way out of a C function.
  [[nodiscard]] PyObject* release() noexcept { return std::exchange(object_, nullptr); }

 private:
  explicit PyRef(PyObject* object) noexcept : object_(object) {}

  PyObject* object_ = nullptr;
};

}  // namespace sinew::python
