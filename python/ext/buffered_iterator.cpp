#include "buffered_iterator.h"

#include <algorithm>

#include "messages.h"
#include "netref.h"
#include "overrides.h"
#include "peer.h"
#include "question.h"
#include "slot.h"

namespace sinew::python {
namespace {

using dialect::rpyc::Handler;

struct BufferedIterator {
  PyObject ob_base;
  PyObject* remote;  // owned reference to a netref; null once it is exhausted
  PyObject* chunk;   // owned reference to a tuple of items; null before the first
  Py_ssize_t next;   // index into chunk
  Py_ssize_t size;   // items to ask for next
  Py_ssize_t max_size;
  double factor;
};

BufferedIterator* self_of(PyObject* object) noexcept {
  return reinterpret_cast<BufferedIterator*>(object);
}

PyRef ask_for_chunk(Peer& peer, Netref* remote, Py_ssize_t size) {
  if ((overridden(remote->connection) & kAskHooks) != 0) {
    const PyRef count = PyRef::steal(PyLong_FromSsize_t(size));
    if (!count) return {};
    return PyRef::steal(
        ask_in_python(peer, Handler::kBuffIter, reinterpret_cast<PyObject*>(remote), count.get()));
  }
  Question question(peer, Handler::kBuffIter, 2);
  if (!question.add_netref(remote) || !question.add_int(size)) return {};
  return PyRef::steal(question.ask());
}

// Fetches the next chunk. False at the end, or with an exception set.
bool fetch(BufferedIterator* self) {
  if (self->remote == nullptr) return false;
  Netref* const remote = as_netref(self->remote);
  Peer* const peer = peer_of(remote->connection);
  if (peer == nullptr) return false;
  PyRef chunk = ask_for_chunk(*peer, remote, self->size);
  if (!chunk) return false;
  if (PyTuple_CheckExact(chunk.get()) == 0) {
    PyErr_SetString(PyExc_TypeError, "the peer answered with something that is no tuple");
    return false;
  }
  if (PyTuple_GET_SIZE(chunk.get()) == 0) {
    Py_CLEAR(self->remote);
    return false;
  }
  self->next = 0;
  Py_XSETREF(self->chunk, chunk.release());
  const double grown = static_cast<double>(self->size) * self->factor;
  const bool fits = grown < static_cast<double>(self->max_size);
  self->size = fits ? static_cast<Py_ssize_t>(grown) : self->max_size;
  return true;
}

PyObject* buffered_iterator_next(PyObject* object) {
  BufferedIterator* const self = self_of(object);
  if (self->chunk == nullptr || self->next >= PyTuple_GET_SIZE(self->chunk)) {
    if (!fetch(self)) return nullptr;
  }
  return PyRef::share(PyTuple_GET_ITEM(self->chunk, self->next++)).release();
}

void buffered_iterator_dealloc(PyObject* object) noexcept {
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Py_CLEAR(self_of(object)->remote);
  Py_CLEAR(self_of(object)->chunk);
  type->tp_free(object);
  Py_DECREF(type);
}

int buffered_iterator_traverse(PyObject* object, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self_of(object)->remote);
  Py_VISIT(self_of(object)->chunk);
  return 0;
}

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>("An iterator over a remote iterator that reads ahead.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(buffered_iterator_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(buffered_iterator_traverse)},
    {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
    {Py_tp_iternext, reinterpret_cast<void*>(caught<buffered_iterator_next>)},
    {0, nullptr}};

PyType_Spec spec = {"sinew._sinew.BufferedIterator", sizeof(BufferedIterator), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                    slots};

}  // namespace

bool init_buffered_iterator_type(State& state, PyObject* module) noexcept {
  state.buffered_iterator_type = PyRef::steal(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return static_cast<bool>(state.buffered_iterator_type);
}

PyRef make_buffered_iterator(State& state, PyRef remote_iterator, Py_ssize_t chunk,
                             Py_ssize_t max_chunk, double factor) noexcept {
  auto* const type = reinterpret_cast<PyTypeObject*>(state.buffered_iterator_type.get());
  PyRef object = PyRef::steal(type->tp_alloc(type, 0));
  if (!object) return object;
  BufferedIterator* const self = self_of(object.get());
  self->remote = remote_iterator.release();
  self->size = std::max<Py_ssize_t>(chunk, 1);
  self->max_size = std::max<Py_ssize_t>(max_chunk, 1);
  self->factor = std::max(factor, 1.0);
  return object;
}

}  // namespace sinew::python
