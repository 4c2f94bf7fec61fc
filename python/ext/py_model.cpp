#include "py_model.h"

#include <sys/mman.h>

#include <cstring>

#include "base/error.h"
#include "base/read_buffer.h"
#include "gil.h"

namespace sinew::python {
namespace {

// Huge pages for a large bytes object's own memory: page faults, not the copy, would be the cost.
void advise_huge(void* memory, std::size_t size) noexcept {
  constexpr std::uintptr_t kHugePage = std::uintptr_t{2} << 20;
  const auto first = (reinterpret_cast<std::uintptr_t>(memory) + kHugePage - 1) & ~(kHugePage - 1);
  const auto last = (reinterpret_cast<std::uintptr_t>(memory) + size) & ~(kHugePage - 1);
  if (last > first) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
}

}  // namespace

PyRef PyModel::make_big_integer(std::string_view decimal) noexcept {
  // PyLong_FromString wants a terminated string and applies CPython's limit on digits.
  try {
    const std::string text(decimal);
    return PyRef::steal(PyLong_FromString(text.c_str(), nullptr, 10));
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return {};
  }
}

PyRef PyModel::make_bytes(ByteView bytes) noexcept {
  PyRef object =
      PyRef::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(bytes.size())));
  if (!object) return object;
  char* const into = PyBytes_AS_STRING(object.get());
  if (bytes.size() < ReadBuffer::kHugeThreshold) {
    if (!bytes.empty()) std::memcpy(into, bytes.data(), bytes.size());
    return object;
  }
  advise_huge(into, bytes.size());
  const AllowThreads unlocked;  // milliseconds: nobody else has the object yet
  std::memcpy(into, bytes.data(), bytes.size());
  return object;
}

wire::Kind PyModel::kind(PyObject* object) const noexcept {
  // In the order in which arguments usually come.
  const PyTypeObject* const type = Py_TYPE(object);
  if (type == &PyUnicode_Type) return wire::Kind::kText;
  if (type == &PyLong_Type) return wire::Kind::kInteger;
  if (type == &PyTuple_Type) return wire::Kind::kTuple;
  if (object == Py_None) return wire::Kind::kNone;
  if (type == &PyFloat_Type) return wire::Kind::kReal;
  if (type == &PyBool_Type) return object == Py_True ? wire::Kind::kTrue : wire::Kind::kFalse;
  if (type == &PyBytes_Type) return wire::Kind::kBytes;
  if (type == &PySlice_Type) return wire::Kind::kSlice;
  if (type == &PyFrozenSet_Type) return wire::Kind::kFrozenSet;
  if (type == &PyComplex_Type) return wire::Kind::kComplex;
  if (object == Py_Ellipsis) return wire::Kind::kEllipsis;
  if (object == Py_NotImplemented) return wire::Kind::kNotImplemented;
  return wire::Kind::kOther;
}

std::optional<std::int64_t> PyModel::small_integer(PyObject* object) const noexcept {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (overflow != 0) return std::nullopt;
  return value;
}

Result<void> PyModel::decimal(PyObject* object, std::string& into) const {
  // Fails with CPython's own ValueError beyond its limit on digits (sys.set_int_max_str_digits).
  const PyRef text = PyRef::steal(PyObject_Str(object));
  if (!text) return fail(Errc::kModelFailed);
  SINEW_ASSIGN(const ByteView digits, this->text(text.get()));
  into.append(as_text(digits));
  return {};
}

Result<ByteView> PyModel::text(PyObject* object) const noexcept {
  Py_ssize_t size = 0;
  const char* const utf8 = PyUnicode_AsUTF8AndSize(object, &size);
  if (utf8 == nullptr) return fail(Errc::kModelFailed);  // lone surrogates
  return as_bytes({utf8, static_cast<std::size_t>(size)});
}

std::shared_ptr<const void> PyModel::owner(PyObject* object) const {
  Py_INCREF(object);
  return {static_cast<const void*>(object), [](const void* shared) {
            release_anywhere(static_cast<PyObject*>(const_cast<void*>(shared)));
          }};
}

}  // namespace sinew::python
