#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/errc.h"
#include "py_ref.h"
#include "wire/object_model.h"

namespace sinew::python {

/// Python objects as the codecs see them: made straight from the read buffer, read without a tree
/// in between. Only exact built-in types have a by-value form; a subclass (an IntEnum, a
/// namedtuple, a NumPy scalar) is an object like any other.
///
/// A maker that returns empty, and an accessor that fails with kModelFailed, leaves the Python
/// exception set.
///
/// threads: any with the GIL held.
class PyModel {
 public:
  using Ref = PyObject*;
  using Handle = PyRef;

  /// Fills a tuple item by item.
  class TupleBuilder {
   public:
    explicit TupleBuilder(std::size_t count) noexcept
        : tuple_(PyRef::steal(PyTuple_New(static_cast<Py_ssize_t>(count)))) {}
    void add(PyRef item) noexcept {
      if (tuple_) PyTuple_SET_ITEM(tuple_.get(), next_++, item.release());
    }
    PyRef take() noexcept { return std::move(tuple_); }

   private:
    PyRef tuple_;
    Py_ssize_t next_ = 0;
  };

  PyRef make_none() noexcept { return PyRef::share(Py_None); }
  PyRef make_bool(bool value) noexcept { return PyRef::share(value ? Py_True : Py_False); }
  PyRef make_not_implemented() noexcept { return PyRef::share(Py_NotImplemented); }
  PyRef make_ellipsis() noexcept { return PyRef::share(Py_Ellipsis); }
  PyRef make_integer(std::int64_t value) noexcept {
    return PyRef::steal(PyLong_FromLongLong(value));
  }
  PyRef make_big_integer(std::string_view decimal) noexcept;
  PyRef make_real(double value) noexcept { return PyRef::steal(PyFloat_FromDouble(value)); }
  PyRef make_complex(wire::ComplexParts parts) noexcept {
    return PyRef::steal(PyComplex_FromDoubles(parts.real, parts.imaginary));
  }
  PyRef make_text(ByteView utf8) noexcept {
    return PyRef::steal(PyUnicode_DecodeUTF8(reinterpret_cast<const char*>(utf8.data()),
                                             static_cast<Py_ssize_t>(utf8.size()), nullptr));
  }
  PyRef make_bytes(ByteView bytes) noexcept;
  TupleBuilder begin_tuple(std::size_t count) noexcept { return TupleBuilder(count); }
  PyRef end_tuple(TupleBuilder&& builder) noexcept { return builder.take(); }
  PyRef make_slice(PyRef start, PyRef stop, PyRef step) noexcept {
    return PyRef::steal(PySlice_New(start.get(), stop.get(), step.get()));
  }
  PyRef make_frozen_set(PyRef items) noexcept { return PyRef::steal(PyFrozenSet_New(items.get())); }

  wire::Kind kind(PyObject* object) const noexcept;
  std::optional<std::int64_t> small_integer(PyObject* object) const noexcept;
  Result<void> decimal(PyObject* object, std::string& into) const;
  double real(PyObject* object) const noexcept { return PyFloat_AS_DOUBLE(object); }
  wire::ComplexParts complex(PyObject* object) const noexcept {
    return {PyComplex_RealAsDouble(object), PyComplex_ImagAsDouble(object)};
  }
  Result<ByteView> text(PyObject* object) const noexcept;
  ByteView bytes(PyObject* object) const noexcept {
    return {reinterpret_cast<const std::uint8_t*>(PyBytes_AS_STRING(object)),
            static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
  }
  std::shared_ptr<const void> owner(PyObject* object) const;
  std::size_t tuple_size(PyObject* object) const noexcept {
    return static_cast<std::size_t>(PyTuple_GET_SIZE(object));
  }
  PyObject* tuple_item(PyObject* object, std::size_t index) const noexcept {
    return PyTuple_GET_ITEM(object, static_cast<Py_ssize_t>(index));
  }
  PyObject* slice_part(PyObject* object, std::size_t index) const noexcept {
    const auto* slice = reinterpret_cast<const PySliceObject*>(object);
    return index == 0 ? slice->start : index == 1 ? slice->stop : slice->step;
  }
  PyRef set_items(PyObject* object) const noexcept {
    return PyRef::steal(PySequence_Tuple(object));
  }
  PyObject* ref(const PyRef& handle) const noexcept { return handle.get(); }
};

}  // namespace sinew::python
