#include "access.h"

#include <utility>

#include "compat.h"
#include "exposure.h"
#include "overrides.h"

namespace sinew::python {
namespace {

// Which of the three kinds of access is wanted, and what goes with it.
struct Kind {
  bool object::AccessPolicy::* allowed;
  const char* key;       // of the configuration
  const char* hook;      // what an object may decide with itself
  const char* function;  // the built-in function that does it
};

constexpr Kind kGet{&object::AccessPolicy::allow_getattr, "allow_getattr", "_rpyc_getattr",
                    "getattr"};
constexpr Kind kSet{&object::AccessPolicy::allow_setattr, "allow_setattr", "_rpyc_setattr",
                    "setattr"};
constexpr Kind kDelete{&object::AccessPolicy::allow_delattr, "allow_delattr", "_rpyc_delattr",
                       "delattr"};

bool decided_in_python(Peer& peer) noexcept {
  return (overridden(peer.owner()) & kAccessHooks) != 0;
}

// An access by the connection's `_access_attr`, because that or `_check_attr` is the program's.
PyRef access_in_python(Peer& peer, const Kind& kind, PyObject* object, PyObject* name,
                       PyObject* value) noexcept {
  const PyRef arguments =
      value != nullptr ? PyRef::steal(PyTuple_Pack(1, value)) : PyRef::steal(PyTuple_New(0));
  const PyRef builtins = PyRef::steal(PyImport_ImportModule("builtins"));
  const PyRef function =
      builtins ? PyRef::steal(PyObject_GetAttrString(builtins.get(), kind.function)) : PyRef();
  const PyRef method = function ? PyRef::steal(PyObject_GetAttr(
                                      peer.owner_object(), peer.state().names.access_attr.get()))
                                : PyRef();
  if (!arguments || !method) return {};
  return PyRef::steal(PyObject_CallFunction(method.get(), "OOOssO", object, name, arguments.get(),
                                            kind.hook, kind.key, function.get()));
}

// The name as an interned str.
PyRef normalise(PyObject* name) noexcept {
  PyObject* text = nullptr;
  if (PyBytes_Check(name) != 0) {
    text = PyUnicode_FromEncodedObject(name, "utf-8", "strict");
  } else if (PyUnicode_Check(name) != 0) {
    text = PyRef::share(name).release();
  } else {
    PyErr_SetString(PyExc_TypeError, "name must be a string");
  }
  if (text != nullptr && PyUnicode_CheckExact(text)) PyUnicode_InternInPlace(&text);
  return PyRef::steal(text);
}

// What the object's type defines under `name`, borrowed; no exception is set when it does not.
PyObject* type_attribute(PyObject* object, PyObject* name) noexcept {
  return _PyType_Lookup(Py_TYPE(object), name);
}

// Whether the object has `name` without running any code of it.
bool has_static(PyObject* object, PyObject* name) noexcept {
  if (type_attribute(object, name) != nullptr) return true;
  return PyType_Check(object) != 0 &&
         _PyType_Lookup(reinterpret_cast<PyTypeObject*>(object), name) != nullptr;
}

// prefix + name, from the cache of the settings.
PyObject* prefixed_name(const Settings& settings, PyObject* name) noexcept {
  const PyRef owned_cache = PyRef::share(settings.prefixed_names.get());
  PyObject* const cache = owned_cache.get();
  if (PyObject* const known = PyDict_GetItemWithError(cache, name)) return known;
  if (PyErr_Occurred() != nullptr) return nullptr;
  constexpr Py_ssize_t kMaxCached = 4096;  // names come from the peer: bound what they cost
  if (PyDict_GET_SIZE(cache) >= kMaxCached) PyDict_Clear(cache);
  PyObject* joined = PyUnicode_Concat(settings.prefix.get(), name);
  if (joined == nullptr) return nullptr;
  PyUnicode_InternInPlace(&joined);
  const PyRef owned = PyRef::steal(joined);
  return PyDict_SetItem(cache, name, joined) == 0 ? joined : nullptr;
}

// A decision about one access, and what looking for it has found already.
class Decision {
 public:
  Decision(Peer& peer, PyObject* object, PyObject* name) noexcept
      : peer_(peer), object_(object), name_(name) {}

  // The name to use, borrowed; null with an exception set when the access is denied.
  PyObject* decide(const Kind& kind) noexcept {
    const Settings* const settings = peer_.settings();
    if (settings == nullptr) return nullptr;
    if (!(settings->policy.*kind.allowed)) return decide_switched_off(kind, settings->policy);
    Py_ssize_t size = 0;
    const char* const text = PyUnicode_AsUTF8AndSize(name_, &size);
    if (text == nullptr) return nullptr;
    const auto grant = object::decide_access(
        settings->policy, {text, static_cast<std::size_t>(size)},
        [&] { return is_safe(*settings); }, [&] { return has(name_); },
        [&] { return has_prefixed(*settings); },
        [&] { return PyErr_Occurred() == nullptr && is_marked(); });
    if (PyErr_Occurred() != nullptr) return nullptr;
    switch (grant) {
      case object::Grant::kPlain: return name_;
      case object::Grant::kPrefixed: return prefixed_.get();
      case object::Grant::kDenied: break;
    }
    return deny();
  }

  // The attribute itself, if the decision had to look for it.
  PyRef take_found(PyObject* granted) noexcept {
    return granted == found_name_ ? std::move(found_) : PyRef();
  }

 private:
  // A marked property decides by itself whether it can be set.
  PyObject* decide_switched_off(const Kind& kind, const object::AccessPolicy& policy) noexcept {
    if (&kind != &kSet || !policy.allow_exposed_attrs) return deny();
    PyObject* const member = type_attribute(object_, name_);
    if (member == nullptr || !PyObject_TypeCheck(member, &PyProperty_Type)) return deny();
    return is_marked() ? name_ : deny();
  }

  bool is_marked() const noexcept {
    const Names& names = peer_.state().names;
    return is_exposed(names, Py_TYPE(object_), name_) ||
           (PyType_Check(object_) &&
            is_exposed(names, reinterpret_cast<PyTypeObject*>(object_), name_));
  }

  PyObject* deny() noexcept {
    PyErr_Format(PyExc_AttributeError, "cannot access %R", name_);
    return nullptr;
  }

  bool is_safe(const Settings& settings) noexcept {
    PyObject* const safe = settings.safe_attrs.get();
    return safe != nullptr && PySequence_Contains(safe, name_) > 0;
  }

  bool has(PyObject* name) noexcept {
    found_ = lookup_attribute(object_, name);
    found_name_ = found_ ? name : nullptr;
    return static_cast<bool>(found_);
  }

  bool has_prefixed(const Settings& settings) noexcept {
    prefixed_ = PyRef::share(prefixed_name(settings, name_));
    if (!prefixed_) return false;
    return has(prefixed_.get()) ||
           (PyErr_Occurred() == nullptr && has_static(object_, prefixed_.get()));
  }

  Peer& peer_;
  PyObject* const object_;
  PyObject* const name_;
  PyRef prefixed_;                  // a share: looking may change the settings it came from
  PyObject* found_name_ = nullptr;  // what found_ was found under
  PyRef found_;
};

}  // namespace

PyRef granted_name(Peer& peer, PyObject* object, PyObject* raw_name,
                   std::string_view key) noexcept {
  const PyRef name = normalise(raw_name);
  if (!name) return {};
  for (const Kind* const kind : {&kGet, &kSet, &kDelete}) {
    if (key != kind->key) continue;
    Decision decision(peer, object, name.get());
    return PyRef::share(decision.decide(*kind));
  }
  PyErr_SetString(PyExc_KeyError, std::string(key).c_str());
  return {};
}

PyRef get_attribute(Peer& peer, PyObject* object, PyObject* raw_name) noexcept {
  if (decided_in_python(peer)) return access_in_python(peer, kGet, object, raw_name, nullptr);
  const PyRef name = normalise(raw_name);
  if (!name) return {};
  if (PyObject* const hook = type_attribute(object, peer.state().names.rpyc_getattr.get())) {
    const PyRef owned = PyRef::share(hook);
    return PyRef::steal(PyObject_CallFunctionObjArgs(hook, object, name.get(), nullptr));
  }
  Decision decision(peer, object, name.get());
  PyObject* const granted = decision.decide(kGet);
  if (granted == nullptr) return {};
  if (PyRef found = decision.take_found(granted)) return found;
  return PyRef::steal(PyObject_GetAttr(object, granted));
}

bool set_attribute(Peer& peer, PyObject* object, PyObject* raw_name, PyObject* value) noexcept {
  if (decided_in_python(peer)) {
    return static_cast<bool>(access_in_python(peer, kSet, object, raw_name, value));
  }
  const PyRef name = normalise(raw_name);
  if (!name) return false;
  if (PyObject* const hook = type_attribute(object, peer.state().names.rpyc_setattr.get())) {
    const PyRef owned = PyRef::share(hook);
    const PyRef done =
        PyRef::steal(PyObject_CallFunctionObjArgs(hook, object, name.get(), value, nullptr));
    return static_cast<bool>(done);
  }
  Decision decision(peer, object, name.get());
  PyObject* const granted = decision.decide(kSet);
  return granted != nullptr && PyObject_SetAttr(object, granted, value) == 0;
}

bool delete_attribute(Peer& peer, PyObject* object, PyObject* raw_name) noexcept {
  if (decided_in_python(peer)) {
    return static_cast<bool>(access_in_python(peer, kDelete, object, raw_name, nullptr));
  }
  const PyRef name = normalise(raw_name);
  if (!name) return false;
  if (PyObject* const hook = type_attribute(object, peer.state().names.rpyc_delattr.get())) {
    const PyRef owned = PyRef::share(hook);
    const PyRef done =
        PyRef::steal(PyObject_CallFunctionObjArgs(hook, object, name.get(), nullptr));
    return static_cast<bool>(done);
  }
  Decision decision(peer, object, name.get());
  PyObject* const granted = decision.decide(kDelete);
  return granted != nullptr && PyObject_DelAttr(object, granted) == 0;
}

}  // namespace sinew::python
