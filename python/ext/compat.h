#pragma once

// All differences between CPython 3.10 and 3.14 are here; the rest of the extension has no #if on
// the version.

#include <cstdint>

#include "py_ref.h"

/// Says that subinterpreters cannot import the module, where that can be said (from 3.12 on).
#if PY_VERSION_HEX >= 0x030C0000
#define SINEW_COMPAT_INTERPRETERS_SLOT \
  {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#else
#define SINEW_COMPAT_INTERPRETERS_SLOT
#endif

namespace sinew::python {

/// True once the interpreter has begun to shut down.
inline bool compat_is_finalizing() noexcept {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

/// The exception being raised, taken out of the error indicator; empty when there is none.
inline PyRef take_exception() noexcept {
#if PY_VERSION_HEX >= 0x030C0000
  return PyRef::steal(PyErr_GetRaisedException());
#else
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (type == nullptr) return {};
  PyErr_NormalizeException(&type, &value, &traceback);
  const PyRef owned_type = PyRef::steal(type);
  const PyRef owned_traceback = PyRef::steal(traceback);
  if (traceback != nullptr) PyException_SetTraceback(value, traceback);
  return PyRef::steal(value);
#endif
}

/// Raises `exception` again, with the traceback that it carries.
inline void restore_exception(PyRef exception) noexcept {
#if PY_VERSION_HEX >= 0x030C0000
  PyErr_SetRaisedException(exception.release());
#else
  PyObject* const value = exception.release();
  PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(value));
  PyErr_Restore(PyRef::share(type).release(), value, PyException_GetTraceback(value));
#endif
}

/// What a class defines itself; empty for none.
inline PyRef compat_type_dict(PyTypeObject* type) noexcept {
#if PY_VERSION_HEX >= 0x030C0000
  return PyRef::steal(PyType_GetDict(type));
#else
  return PyRef::share(type->tp_dict);
#endif
}

/// A number that changes whenever the attributes of a class, or of a base of it, do; 0 when CPython
/// keeps none at the moment. Looking a name up in the class gives it one.
inline std::uint32_t compat_type_version(const PyTypeObject* type) noexcept {
#if PY_VERSION_HEX >= 0x030B0000
  return type->tp_version_tag;
#else
  return (type->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG) != 0 ? type->tp_version_tag : 0;
#endif
}

/// The attribute, or empty: with no error set when the object does not have it, with one when
/// looking failed.
inline PyRef lookup_attribute(PyObject* object, PyObject* name) noexcept {
#if PY_VERSION_HEX >= 0x030D0000
  PyObject* found = nullptr;
  PyObject_GetOptionalAttr(object, name, &found);
  return PyRef::steal(found);
#else
  PyRef found = PyRef::steal(PyObject_GetAttr(object, name));
  if (!found && PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
  return found;
#endif
}

}  // namespace sinew::python
