#include "codec_api.h"

#include <string>

#include "errors.h"
#include "py_model.h"
#include "slot.h"
#include "wire/brine.h"

namespace sinew::python {
namespace {

// The bytes of an object with the buffer protocol, for as long as this lives. False with an
// exception set when it has none.
class Buffer {
 public:
  explicit Buffer(PyObject* object) noexcept
      : held_(PyObject_GetBuffer(object, &view_, PyBUF_SIMPLE) == 0) {}
  ~Buffer() {
    if (held_) PyBuffer_Release(&view_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  explicit operator bool() const noexcept { return held_; }
  ByteView bytes() const noexcept {
    return {static_cast<const std::uint8_t*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_;
  const bool held_;
};

PyObject* brine_dump(PyObject* /*module*/, PyObject* object) {
  PyModel model;
  Writer out;
  const auto written = wire::encode_brine(model, object, out, wire::BrineLimits());
  if (written) return joined(out).release();
  if (written.error() == Errc::kNotDumpable) {
    PyErr_Format(PyExc_TypeError, "cannot dump %R", object);
  } else {
    raise_codec_error(written.error(), "cannot dump");
  }
  return nullptr;
}

PyObject* brine_load(PyObject* /*module*/, PyObject* data) {
  const Buffer buffer(data);
  if (!buffer) return nullptr;
  PyModel model;
  Reader in(buffer.bytes());
  auto value = wire::decode_brine(model, in, wire::BrineLimits());
  if (value) return value->release();
  raise_codec_error(value.error(), "cannot load");
  return nullptr;
}

PyObject* brine_dumpable(PyObject* /*module*/, PyObject* object) {
  PyModel model;
  return PyBool_FromLong(wire::dumpable(model, object, wire::BrineLimits()));
}

}  // namespace

PyRef joined(const Writer& out) {
  PyRef bytes =
      PyRef::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(out.total_size())));
  if (!bytes) return bytes;
  char* to = PyBytes_AS_STRING(bytes.get());
  const auto put = [&](ByteView run) {
    if (!run.empty()) std::memcpy(to, run.data(), run.size());
    to += run.size();
  };
  std::size_t at = 0;
  for (const Writer::Borrowed& piece : out.borrowed()) {
    put(out.copied().subspan(at, piece.offset - at));
    put(piece.bytes);
    at = piece.offset;
  }
  put(out.copied().subspan(at));
  return bytes;
}

PyMethodDef kCodecMethods[] = {
    {"brine_dump", caught<brine_dump>, METH_O,
     "dump($module, obj, /)\n--\n\n"
     "The bytes of a value made of built-in immutable types; TypeError for anything else."},
    {"brine_load", caught<brine_load>, METH_O, "The value that brine_dump() made the bytes of."},
    {"brine_dumpable", caught<brine_dumpable>, METH_O, "Whether brine_dump() takes the value."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace sinew::python
