// What a Connection shows of its tables, and lets the methods of stock's that use them do with
// them.

#include "access.h"
#include "connection_methods.h"
#include "connection_object.h"
#include "errors.h"
#include "netref.h"
#include "overrides.h"
#include "peer.h"

namespace sinew::python {
namespace {

ConnectionObject* self_of(PyObject* object) noexcept {
  return reinterpret_cast<ConnectionObject*>(object);
}

}  // namespace

// Our object that the peer names: (class name, class id, instance id).
PyObject* connection_exported(PyObject* object, PyObject* id_pack) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  object::ObjectIdView id;
  if (!read_id_pack(id_pack, id)) return nullptr;
  PyRef found = peer->exported_object(id);
  if (!found) PyErr_SetObject(PyExc_KeyError, id_pack);
  return found.release();
}

PyObject* connection_check_attr(PyObject* object, PyObject* args) {
  Peer* const peer = peer_of(self_of(object));
  PyObject* target = nullptr;
  PyObject* name = nullptr;
  const char* key = nullptr;
  if (peer == nullptr || PyArg_ParseTuple(args, "OOs:_check_attr", &target, &name, &key) == 0) {
    return nullptr;
  }
  return granted_name(*peer, target, name, key).release();
}

PyObject* connection_next_seq(PyObject* object, PyObject* /*unused*/) {
  Peer* const peer = peer_of(self_of(object));
  return peer != nullptr ? PyLong_FromLongLong(peer->connection().next_seq()) : nullptr;
}

PyObject* connection_netref_factory(PyObject* object, PyObject* id_pack) {
  Peer* const peer = peer_of(self_of(object));
  object::ObjectIdView id;
  if (peer == nullptr || !read_id_pack(id_pack, id)) return nullptr;
  return peer->make_default_import(id).release();
}

// Gives back `count` sendings of our object that the peer names.
PyObject* connection_release(PyObject* object, PyObject* args) {
  Peer* const peer = peer_of(self_of(object));
  PyObject* id_pack = nullptr;
  long long count = 1;
  object::ObjectIdView id;
  if (peer == nullptr || PyArg_ParseTuple(args, "O|L", &id_pack, &count) == 0 ||
      !read_id_pack(id_pack, id)) {
    return nullptr;
  }
  if (count < 0) {
    PyErr_SetString(PyExc_ValueError, "a count must not be negative");
    return nullptr;
  }
  const auto released = peer->release_export(id, static_cast<std::uint64_t>(count));
  if (released) Py_RETURN_NONE;
  raise_codec_error(released.error(), "cannot release");
  return nullptr;
}

// The id under which the peer holds our object; KeyError if it does not.
PyObject* connection_export_id(PyObject* object, PyObject* exported) {
  Peer* const peer = peer_of(self_of(object));
  return peer != nullptr ? peer->export_id(exported).release() : nullptr;
}

PyObject* connection_exports(PyObject* object, PyObject* /*unused*/) {
  Peer* const peer = peer_of(self_of(object));
  return peer != nullptr ? peer->list_exports().release() : nullptr;
}

PyObject* connection_imports(PyObject* object, PyObject* /*unused*/) {
  Peer* const peer = peer_of(self_of(object));
  return peer != nullptr ? peer->list_imports().release() : nullptr;
}

PyObject* connection_classes(PyObject* object, PyObject* /*unused*/) {
  Peer* const peer = peer_of(self_of(object));
  return peer != nullptr ? peer->list_classes().release() : nullptr;
}

PyObject* connection_adopt(PyObject* object, PyObject* netref) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  if (!is_netref(peer->state(), netref) || as_netref(netref)->connection != self_of(object)) {
    PyErr_SetString(PyExc_TypeError, "a netref of this connection is expected");
    return nullptr;
  }
  peer->adopt_import(as_netref(netref));
  Py_RETURN_NONE;
}

PyObject* connection_overrides(PyObject* object, PyObject* names) {
  const State& state = *self_of(object)->state;
  const HookSet taken = overridden(self_of(object));
  for (std::size_t i = 1; i < kHookCount; ++i) {
    if ((taken >> i & 1) == 0) continue;
    const int wanted = PySequence_Contains(names, state.hooks[i].name.get());
    if (wanted != 0) return wanted < 0 ? nullptr : PyBool_FromLong(1);
  }
  Py_RETURN_FALSE;
}

PyObject* connection_counts(PyObject* object, PyObject* /*unused*/) {
  Peer* const peer = peer_of(self_of(object));
  if (peer == nullptr) return nullptr;
  return Py_BuildValue("{s:n,s:n,s:n}", "exports", static_cast<Py_ssize_t>(peer->export_count()),
                       "imports", static_cast<Py_ssize_t>(peer->import_count()), "questions",
                       static_cast<Py_ssize_t>(peer->connection().pending_calls()));
}

}  // namespace sinew::python
