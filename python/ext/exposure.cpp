#include "exposure.h"

#include "compat.h"

namespace sinew::python {
namespace {

bool is_marked_class(const Names& names, PyTypeObject* type) noexcept {
  return _PyType_Lookup(type, names.exposed_mark.get()) == reinterpret_cast<PyObject*>(type);
}

// Borrowed, as long as the types live: the name's meaning for `type` comes from that class.
PyTypeObject* defining_class(PyTypeObject* type, PyObject* name) noexcept {
  PyObject* const mro = type->tp_mro;
  for (Py_ssize_t i = 0; mro != nullptr && i < PyTuple_GET_SIZE(mro); ++i) {
    auto* const base = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i));
    const PyRef members = compat_type_dict(base);
    if (members && PyDict_Contains(members.get(), name) > 0) return base;
  }
  return nullptr;
}

bool is_marked_member(const Names& names, PyObject* member) noexcept {
  PyRef target = PyRef::share(member);
  if (PyObject_TypeCheck(member, &PyProperty_Type)) {
    target = PyRef::steal(PyObject_GenericGetAttr(member, names.fget.get()));
  } else if (PyObject_TypeCheck(member, &PyStaticMethod_Type) ||
             PyObject_TypeCheck(member, &PyClassMethod_Type)) {
    target = PyRef::steal(PyObject_GenericGetAttr(member, names.func.get()));
  }
  if (target && PyType_Check(target.get())) {
    return is_marked_class(names, reinterpret_cast<PyTypeObject*>(target.get()));
  }
  const PyRef mark =
      target ? PyRef::steal(PyObject_GenericGetAttr(target.get(), names.exposed_mark.get()))
             : PyRef();
  if (!mark) PyErr_Clear();
  return mark.get() == Py_True;
}

bool is_public(PyObject* name) noexcept {
  return PyUnicode_GET_LENGTH(name) > 0 && PyUnicode_READ_CHAR(name, 0) != '_';
}

}  // namespace

bool is_exposed(const Names& names, PyTypeObject* type, PyObject* name) noexcept {
  const PyRef member = PyRef::share(_PyType_Lookup(type, name));
  if (!member) return false;
  if (is_marked_member(names, member.get())) return true;
  if (!is_public(name)) return false;
  PyTypeObject* const owner = defining_class(type, name);
  return owner != nullptr && is_marked_class(names, owner);
}

}  // namespace sinew::python
