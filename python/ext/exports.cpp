// Exports: our objects that the peer holds.

#include <fmt/format.h>

#include "errors.h"
#include "job.h"
#include "peer.h"

namespace sinew::python {
namespace {

// An attribute's text, or empty (with no exception) when it is missing or no str.
std::optional<std::string> text_attribute(PyObject* object, PyObject* name) {
  const PyRef value = PyRef::steal(PyObject_GetAttr(object, name));
  if (!value || !PyUnicode_Check(value.get())) {
    PyErr_Clear();
    return std::nullopt;
  }
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(value.get(), &size);
  if (text == nullptr) {
    PyErr_Clear();
    return std::nullopt;
  }
  return std::string(text, static_cast<std::size_t>(size));
}

std::int64_t address_of(const void* object) noexcept {
  return static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(object));
}

std::string qualified_name(const Names& names, PyObject* cls) {
  const auto module = text_attribute(cls, names.module.get());
  const auto name = text_attribute(cls, names.name.get());
  const PyTypeObject* const type =
      PyType_Check(cls) ? reinterpret_cast<PyTypeObject*>(cls) : Py_TYPE(cls);
  return module.value_or("builtins") + "." + name.value_or(type->tp_name);
}

// A module is named by itself when that leads back to it.
object::ObjectId describe_module(const Names& names, PyObject* module) {
  const std::string name = text_attribute(module, names.name.get()).value_or("?");
  PyObject* const known = PyDict_GetItemString(PyImport_GetModuleDict(), name.c_str());
  std::string full = known != nullptr ? name
                                      : text_attribute(reinterpret_cast<PyObject*>(Py_TYPE(module)),
                                                       names.module.get())
                                                .value_or("builtins") +
                                            "." + name;
  return {std::move(full), address_of(Py_TYPE(module)), 1};
}

object::ObjectId describe_instance(const Names& names, PyObject* object) {
  PyRef cls = PyRef::steal(PyObject_GetAttr(object, names.class_.get()));
  if (!cls) {
    PyErr_Clear();
    cls = PyRef::share(reinterpret_cast<PyObject*>(Py_TYPE(object)));
  }
  return {qualified_name(names, cls.get()), address_of(Py_TYPE(object)), 1};
}

PyRef pack_of(const object::ObjectIdView& id) noexcept {
  return PyRef::steal(
      Py_BuildValue("(s#LL)", id.name.data(), static_cast<Py_ssize_t>(id.name.size()),
                    static_cast<long long>(id.class_id), static_cast<long long>(id.instance_id)));
}

}  // namespace

// The id as stock RPyC makes it (docs/protocols/rpyc.md section 2.5), but for the number of an
// instance, which the export table gives.
object::ObjectId Peer::describe_object(const State& state, PyObject* object) {
  if (is_netref(state, object)) {
    const Netref* const netref = as_netref(object);  // of another connection: keeps its class
    return {netref->remote_class->name, netref->remote_class->class_id, netref->instance_id};
  }
  if (PyType_Check(object)) return {qualified_name(state.names, object), address_of(object), 0};
  if (PyModule_Check(object)) return describe_module(state.names, object);
  return describe_instance(state.names, object);
}

// What a third peer holds of another connection passes on its class under a number of our own.
object::ObjectId Peer::describe_export(const State& state, PyObject* object) {
  object::ObjectId id = describe_object(state, object);
  if (is_netref(state, object)) id.class_id = as_netref(object)->remote_class->passed_on_id;
  return id;
}

Result<void> Peer::write_export_id(PyObject* object, Writer& out,
                                   std::vector<object::IdKey>& sent) noexcept try {
  const auto id = exports_.add(
      object, [&] { return describe_export(state(), object); },
      [&] { return PyRef::share(object); });
  if (!id) return fail(id.error());
  sent.push_back({id->class_id, id->instance_id});
  dialect::rpyc::write_object_id(out, *id);
  return {};
} catch (...) {
  raise_current();
  return fail(Errc::kModelFailed);
}

PyRef Peer::exported_object(const object::ObjectIdView& id) noexcept {
  const PyRef* const handle = exports_.find(id);
  if (handle != nullptr) return PyRef::share(handle->get());
  count_bad_id();
  return {};
}

// Numbers cannot be guessed into anything of use, but nobody needs a peer that tries.
void Peer::count_bad_id() noexcept try {
  if (++bad_ids_ != limits_.max_bad_ids) return;
  connection_.fail(Error(Error::Kind::kProtocol,
                         fmt::format("the peer used {} ids that name nothing (max_bad_ids): {}",
                                     bad_ids_, connection_.stream().describe())));
} catch (...) {
  --bad_ids_;  // out of memory: the next one ends it
}

PyRef Peer::export_id(PyObject* object) const noexcept {
  const auto id = exports_.id_of(object);
  if (id) return pack_of(*id);
  PyErr_SetObject(PyExc_KeyError, object);
  return {};
}

PyRef Peer::list_exports() const noexcept {
  PyRef list = PyRef::steal(PyList_New(0));
  if (!list) return list;
  // An item made is a tuple, which may start a collection of garbage, which may run anything: first
  // all that is wanted is taken, then it is put into objects.
  struct Entry {
    object::ObjectId id;
    PyRef object;
    std::uint64_t count;
  };
  try {
    std::vector<Entry> entries;
    entries.reserve(exports_.size());
    exports_.for_each_entry([&](const object::ObjectIdView& id, const PyRef& object,
                                std::uint64_t count) {
      entries.push_back(
          {{std::string(id.name), id.class_id, id.instance_id}, PyRef::share(object.get()), count});
      return true;
    });
    for (const Entry& entry : entries) {
      const object::ObjectIdView view{entry.id.name, entry.id.class_id, entry.id.instance_id};
      const PyRef pack = pack_of(view);
      const PyRef item =
          pack ? PyRef::steal(Py_BuildValue("(OOK)", pack.get(), entry.object.get(),
                                            static_cast<unsigned long long>(entry.count)))
               : PyRef();
      if (!item || PyList_Append(list.get(), item.get()) != 0) return {};
    }
    return list;
  } catch (...) {
    raise_current();
    return {};
  }
}

Result<void> Peer::release_export(const object::ObjectIdView& id, std::uint64_t count) noexcept {
  kept_.keep(connection_, exports_, limits_.brine.max_depth);
  // The handle goes when the table is in order again: its destructor may run anything.
  auto released = exports_.release(id, count);
  if (!released.outcome) count_bad_id();
  if (dispatcher_ && released.handle) let_go(*this, *std::move(released.handle));
  return released.outcome;
}

void Peer::answer_taken(rpc::Call& call) noexcept {
  connection_.answer_taken(call);
  for (const object::IdKey& key : kept_.take(call)) {
    static_cast<void>(release_export({{}, key.class_id, key.instance_id}, 1));
  }
}

void PeerModel::undo_exports() noexcept {
  for (const object::IdKey& key : sent_) {
    static_cast<void>(peer_.release_export({{}, key.class_id, key.instance_id}, 1));
  }
  sent_.clear();
}

}  // namespace sinew::python
