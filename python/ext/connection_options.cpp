#include "connection_options.h"

#include <algorithm>
#include <string_view>

#include "errors.h"
#include "py_ref.h"

namespace sinew::python {
namespace {

bool read_size(PyObject* config, const char* key, std::size_t& into) noexcept {
  PyObject* const value = PyDict_GetItemString(config, key);
  if (value == nullptr || value == Py_None) return true;
  const Py_ssize_t size = PyNumber_AsSsize_t(value, PyExc_OverflowError);
  if (size == -1 && PyErr_Occurred() != nullptr) {
    name_key(key);
    return false;
  }
  if (size < 1) {
    PyErr_Format(PyExc_ValueError, "%s must be at least 1", key);
    return false;
  }
  into = static_cast<std::size_t>(size);
  return true;
}

bool read_family(PyObject* config, dialect::rpyc::SessionOptions::Family& into) noexcept {
  using Family = dialect::rpyc::SessionOptions::Family;
  PyObject* const value = PyDict_GetItemString(config, "wire_family");
  if (value == nullptr || value == Py_None) return true;
  const char* const text = PyUnicode_Check(value) != 0 ? PyUnicode_AsUTF8(value) : "";
  if (text == nullptr) return false;
  const std::string_view name(text);
  if (name == "auto") {
    into = Family::kAuto;
  } else if (name == "detect") {
    into = Family::kDetect;
  } else if (name == "B") {
    into = Family::kB;
  } else if (name == "C") {
    into = Family::kC;
  } else {
    PyErr_Format(
        PyExc_ValueError,
        "wire_family must be 'auto', 'detect', 'B' (RPyC 4.1 to 5.3) or 'C' (RPyC 6), not %R",
        value);
    return false;
  }
  return true;
}

// True (all), False (none), or a collection of names.
bool read_extensions(PyObject* config, dialect::rpyc::ExtensionSet& into) noexcept {
  using dialect::rpyc::ExtensionSet;
  PyObject* const value = PyDict_GetItemString(config, "extensions");
  if (value == nullptr || value == Py_True || value == Py_None) return true;
  into = ExtensionSet();
  if (value == Py_False) return true;
  const PyRef names = PyRef::steal(PySequence_List(value));
  if (!names) {
    name_key("extensions");
    return false;
  }
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names.get()); ++i) {
    PyObject* const item = PyList_GET_ITEM(names.get(), i);
    const char* const text = PyUnicode_Check(item) != 0 ? PyUnicode_AsUTF8(item) : nullptr;
    if (PyErr_Occurred() != nullptr) return false;
    const auto info =
        std::ranges::find(dialect::rpyc::kExtensions, std::string_view(text != nullptr ? text : ""),
                          &dialect::rpyc::ExtensionInfo::name);
    if (info == dialect::rpyc::kExtensions.end()) {
      PyErr_Format(PyExc_ValueError, "extensions: %R is none that is known", item);
      return false;
    }
    into.set(info->number, info->version);
  }
  return true;
}

// A time in seconds; None or 0 for none.
bool read_seconds(PyObject* config, const char* key, Duration& into) noexcept {
  PyObject* const value = PyDict_GetItemString(config, key);
  if (value == nullptr) return true;
  constexpr double kMost = 4'000'000;  // milliseconds in 32 bits, on the wire
  const double seconds = value == Py_None ? 0 : PyFloat_AsDouble(value);
  if (seconds == -1 && PyErr_Occurred() != nullptr) return false;
  if (!(seconds == 0 || (seconds >= 0.1 && seconds <= kMost))) {
    PyErr_Format(PyExc_ValueError, "%s must be None, 0, or 0.1 to 4000000 seconds, not %R", key,
                 value);
    return false;
  }
  into = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  return true;
}

bool read_truth(PyObject* config, const char* key, bool& into) noexcept {
  PyObject* const value = PyDict_GetItemString(config, key);
  if (value == nullptr) return true;
  const int truth = PyObject_IsTrue(value);
  into = truth > 0;
  return truth >= 0;
}

}  // namespace

bool ConnectionOptions::read(PyObject* config) noexcept {
  return read_family(config, session.wire_family) && read_extensions(config, session.extensions) &&
         read_truth(config, "bind_threads", session.bind_threads) &&
         read_truth(config, "offer_extensions", limits.offer_extensions) &&
         read_seconds(config, "heartbeat", session.heartbeat) &&
         read_size(config, "max_frame_size", session.max_frame_size) &&
         read_size(config, "max_inflated_size", session.max_inflated_size) &&
         read_size(config, "max_first_frame_size", session.max_first_frame_size) &&
         read_seconds(config, "frame_timeout", rpc.frame_timeout) &&
         read_size(config, "max_exports", limits.max_exports) &&
         read_size(config, "max_remote_classes", limits.max_remote_classes) &&
         read_size(config, "max_class_name", limits.max_class_name) &&
         read_size(config, "max_call_depth", limits.max_call_depth) &&
         read_size(config, "max_chunk_items", limits.max_chunk_items) &&
         read_size(config, "max_unsent_bytes", limits.max_unsent_bytes) &&
         read_size(config, "max_bad_ids", limits.max_bad_ids) &&
         read_size(config, "max_depth", limits.brine.max_depth) &&
         read_size(config, "max_pending_calls", rpc.max_pending_calls) &&
         read_size(config, "max_queued_bytes", rpc.max_queued_bytes);
}

}  // namespace sinew::python
