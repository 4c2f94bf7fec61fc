// Imports: the proxies for the peer's objects, and how they are given back.

#include "dialect/rpyc/protocol.h"
#include "errors.h"
#include "overrides.h"
#include "peer.h"
#include "question.h"
#include "wire/rpyc_frame.h"

namespace sinew::python {
namespace {

// The object that this thread is importing by way of the program's `_netref_factory`.
struct ComingIn {
  const RemoteClass* remote_class;
  std::int64_t instance_id;
  bool is_taken = false;  // a netref stands for it
};
thread_local ComingIn* coming_in = nullptr;

PyRef pack_of(const RemoteClass& remote_class, std::int64_t instance_id) noexcept {
  return PyRef::steal(Py_BuildValue(
      "(s#LL)", remote_class.name.data(), static_cast<Py_ssize_t>(remote_class.name.size()),
      static_cast<long long>(remote_class.class_id), static_cast<long long>(instance_id)));
}

}  // namespace

RemoteClass& Peer::class_of(const object::ObjectIdView& id) {
  if (RemoteClass* const known = classes_.find(id)) [[likely]]
    return *known;
  if (classes_.size() >= limits_.max_remote_classes) {
    throw LimitReached("max_remote_classes", "max_remote_classes classes of the peer were seen");
  }
  if (id.name.size() > limits_.max_class_name) {
    throw LimitReached("max_class_name",
                       "the name of a class of the peer is longer than max_class_name");
  }
  return classes_.add(id);
}

PyRef Peer::import_object(const object::ObjectIdView& id) noexcept try {
  RemoteClass& remote_class = class_of(id);
  const ImportKey key{&remote_class, id.instance_id};
  const auto known = [&]() -> PyRef {
    const auto found = imports_.find(key);
    if (found == imports_.end()) return {};
    ++(*found)->received;
    return PyRef::share(reinterpret_cast<PyObject*>(*found));
  };
  if (PyRef netref = known()) return netref;
  if ((overridden(owner_) & hook_bit(Hook::kNetrefFactory)) != 0) {
    return import_by_factory(remote_class, id.instance_id);
  }
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

PyRef Peer::make_unsent_import(PyTypeObject* type, const object::ObjectIdView& id) noexcept try {
  RemoteClass& remote_class = class_of(id);
  PyRef netref = make_netref(owner_, remote_class, id.instance_id, type);
  if (!netref) return netref;
  const bool is_coming_in = coming_in != nullptr && coming_in->remote_class == &remote_class &&
                            coming_in->instance_id == id.instance_id && !coming_in->is_taken;
  if (is_coming_in && imports_.insert(as_netref(netref.get())).second) {
    coming_in->is_taken = true;
  } else {
    as_netref(netref.get())->received = 0;
  }
  return netref;
} catch (...) {
  raise_current();
  return {};
}

// What the program's `_netref_factory` makes of an object that the peer has just lent. If no netref
// of ours stands for it, nobody else would give it back.
PyRef Peer::import_by_factory(RemoteClass& remote_class, std::int64_t instance_id) {
  ComingIn here{.remote_class = &remote_class, .instance_id = instance_id};
  PyRef made;
  const PyRef pack = pack_of(remote_class, instance_id);
  if (pack) {
    ComingIn* const outer = std::exchange(coming_in, &here);
    made = PyRef::steal(
        PyObject_CallMethodOneArg(owner_object(), state().names.netref_factory.get(), pack.get()));
    coming_in = outer;
  }
  if (!here.is_taken) release_soon(remote_class, instance_id, 1);
  return made;
}

PyRef Peer::make_default_import(const object::ObjectIdView& id) noexcept try {
  PyTypeObject* const type = type_for(class_of(id), id);
  return type != nullptr ? make_unsent_import(type, id) : PyRef();
} catch (...) {
  raise_current();
  return {};
}

// The proxy type of the object's class. Made by Python (core/netref.py), once per class: that is
// where names, docstrings and special methods of a class are put together.
PyTypeObject* Peer::type_for(RemoteClass& remote_class, const object::ObjectIdView& id) noexcept {
  PyRef& slot = id.instance_id == 0 ? remote_class.class_type : remote_class.instance_type;
  if (!slot) {
    // Not from the id's own name, which is borrowed from a message.
    const PyRef pack = pack_of(remote_class, id.instance_id);
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

PyRef Peer::list_imports() const noexcept try {
  std::vector<PyRef> living;
  living.reserve(imports_.size());
  for (Netref* const netref : imports_) {
    living.push_back(PyRef::share(reinterpret_cast<PyObject*>(netref)));
  }
  PyRef list = PyRef::steal(PyList_New(0));
  for (const PyRef& netref : living) {
    if (!list || PyList_Append(list.get(), netref.get()) != 0) return {};
  }
  return list;
} catch (...) {
  raise_current();
  return {};
}

PyRef Peer::list_classes() const noexcept try {
  PyRef list = PyRef::steal(PyList_New(0));
  for (const RemoteClass* const remote_class : classes_.list()) {
    for (const PyRef* const type : {&remote_class->class_type, &remote_class->instance_type}) {
      if (!list) return list;
      if (!*type) continue;
      const PyRef pack = pack_of(*remote_class, type == &remote_class->class_type ? 0 : 1);
      const PyRef item = pack ? PyRef::steal(PyTuple_Pack(2, pack.get(), type->get())) : PyRef();
      if (!item || PyList_Append(list.get(), item.get()) != 0) return {};
    }
  }
  return list;
} catch (...) {
  raise_current();
  return {};
}

void Peer::adopt_import(Netref* netref) noexcept try {
  if (netref->received == 0 && imports_.insert(netref).second) netref->received = 1;
} catch (const std::bad_alloc&) {
  return;  // it stays what it was: one that releases nothing
}

void Peer::forget_import(Netref* netref) noexcept {
  const auto found = imports_.find(netref);
  if (found != imports_.end() && *found == netref) imports_.erase(found);
  if (netref->received == 0) return;
  release_soon(*netref->remote_class, netref->instance_id, netref->received);
}

void Peer::release_soon(RemoteClass& remote_class, std::int64_t instance_id,
                        std::uint64_t count) noexcept {
  if (connection_.is_dead()) return;
  try {
    constexpr auto kSoon = std::chrono::milliseconds(10);
    if (releases_.push({&remote_class, instance_id, count})) connection_.flush_within(kSoon);
  } catch (const std::bad_alloc&) {
    return;  // the peer keeps one object too many until the connection ends
  }
}

void Peer::send_releases() noexcept {
  if (releases_.empty()) return;
  try {
    auto writer = release_writer();
    const auto write = [&](Release&& release) {
      writer.add(static_cast<std::int64_t>(release.count),
                 [&](Writer& out) { release.remote_class->write_id(out, release.instance_id); });
    };
    if (releases_.drain(write) > 0) connection_.cork(writer.finish());
  } catch (const std::bad_alloc&) {
    return;  // what was drained is lost to the peer's count, not to memory safety
  }
}

// Without asking for the family: whoever has something to give back has heard the peer.
dialect::rpyc::ReleaseWriter Peer::release_writer() {
  return {session_.family(), session_.agrees_on(dialect::rpyc::Extension::kRelease),
          [this] { return connection_.next_seq(); }, session_.binds_threads()};
}

}  // namespace sinew::python
