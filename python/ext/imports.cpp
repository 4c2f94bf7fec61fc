// Imports: the proxies for the peer's objects, and how they are given back.

#include "dialect/rpyc/protocol.h"
#include "errors.h"
#include "peer.h"
#include "question.h"
#include "wire/rpyc_frame.h"

namespace sinew::python {
namespace {

using dialect::rpyc::Handler;
using dialect::rpyc::Label;

}  // namespace

PyRef Peer::import_object(const object::ObjectIdView& id) noexcept try {
  RemoteClass& remote_class = classes_.find_or_add(id);
  if (classes_.size() > limits_.max_remote_classes) {
    throw Error(Error::Kind::kOverloaded, "max_remote_classes classes of the peer were seen");
  }
  const ImportKey key{&remote_class, id.instance_id};
  const auto known = [&]() -> PyRef {
    const auto found = imports_.find(key);
    if (found == imports_.end()) return {};
    ++(*found)->received;
    return PyRef::share(reinterpret_cast<PyObject*>(*found));
  };
  if (PyRef netref = known()) return netref;
  PyTypeObject* const type = type_for(remote_class, id);
  if (type == nullptr) return {};
  // Asking about the class may have taken a round trip, in which another thread got the object.
  if (PyRef netref = known()) return netref;
  PyRef netref = make_netref(owner_, remote_class, id.instance_id, type);
  if (netref) imports_.insert(as_netref(netref.get()));
  return netref;
} catch (...) {
  raise_current();
  return {};
}

// The proxy type of the object's class. Made by Python (core/netref.py), once per class: that is
// where names, docstrings and special methods of a class are put together.
PyTypeObject* Peer::type_for(RemoteClass& remote_class, const object::ObjectIdView& id) noexcept {
  PyRef& slot = id.instance_id == 0 ? remote_class.class_type : remote_class.instance_type;
  if (!slot) {
    // The id is borrowed from a message; the class's name lives as long as we do.
    const std::int64_t instance_id = id.instance_id;
    const PyRef pack = PyRef::steal(Py_BuildValue(
        "(s#LL)", remote_class.name.data(), static_cast<Py_ssize_t>(remote_class.name.size()),
        static_cast<long long>(remote_class.class_id), static_cast<long long>(instance_id)));
    if (!pack) return nullptr;
    PyRef type = PyRef::steal(
        PyObject_CallMethodOneArg(owner_object(), state().names.netref_class.get(), pack.get()));
    if (!type) return nullptr;
    if (PyType_Check(type.get()) == 0 ||
        PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type.get()),
                         reinterpret_cast<PyTypeObject*>(state().netref_type.get())) == 0) {
      PyErr_SetString(PyExc_TypeError, "_netref_class() must return a subclass of BaseNetref");
      return nullptr;
    }
    if (!slot) slot = std::move(type);  // unless another thread was quicker
  }
  return reinterpret_cast<PyTypeObject*>(slot.get());
}

void Peer::forget_import(Netref* netref) noexcept {
  const auto found = imports_.find(netref);
  if (found != imports_.end() && *found == netref) imports_.erase(found);
  if (connection_.is_dead()) return;
  try {
    constexpr auto kSoon = std::chrono::milliseconds(10);
    if (releases_.push({netref->remote_class, netref->instance_id, netref->received})) {
      connection_.flush_within(kSoon);
    }
  } catch (const std::bad_alloc&) {
    return;  // the peer keeps one object too many until the connection ends
  }
}

void Peer::send_releases() noexcept {
  if (releases_.empty()) return;
  try {
    Writer out;
    const auto write = [&](Release&& release) {
      const std::size_t start = wire::begin_frame(out);
      wire::begin_message(out, family(), wire::MessageKind::kRequest, connection_.next_seq());
      wire::write_tuple_header(out, 2);
      wire::write_int(out, static_cast<std::int64_t>(Handler::kDel));
      dialect::rpyc::write_label(out, Label::kTuple);
      wire::write_tuple_header(out, 2);
      dialect::rpyc::write_label(out, Label::kLocalRef);
      release.remote_class->write_id(out, release.instance_id);
      dialect::rpyc::write_label(out, Label::kValue);
      wire::write_int(out, static_cast<std::int64_t>(release.count));
      static_cast<void>(wire::end_frame(out, start));  // far below the largest frame
    };
    if (releases_.drain(write) > 0) connection_.cork(out);
  } catch (const std::bad_alloc&) {
    return;  // what was drained is lost to the peer's count, not to memory safety
  }
}

}  // namespace sinew::python
