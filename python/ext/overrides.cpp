#include "overrides.h"

#include <string_view>

#include "errors.h"

namespace sinew::python {
namespace {

constexpr std::array<const char*, kHookCount> kHookNames = {
    nullptr,  // no request has this number
    "_handle_ping",
    "_handle_close",
    "_handle_getroot",
    "_handle_getattr",
    "_handle_delattr",
    "_handle_setattr",
    "_handle_call",
    "_handle_callattr",
    "_handle_repr",
    "_handle_str",
    "_handle_cmp",
    "_handle_hash",
    "_handle_dir",
    "_handle_pickle",
    "_handle_del",
    "_handle_inspect",
    "_handle_buffiter",
    "_handle_oldslicing",
    "_handle_ctxexit",
    "_handle_instancecheck",
    "_check_attr",
    "_access_attr",
    "_box",
    "_unbox",
    "_send",
    "_dispatch",
    "_dispatch_request",
    "_seq_request_callback",
    "_netref_factory",
    "_get_seq_id",
    "_async_request",
    "async_request",
    "sync_request",
    "serve",
    "poll",
    "poll_all",
};
static_assert(kHookNames.back() == std::string_view("poll_all"));

// What lies in the connection's dictionary counts as assigned, however it came there.
void note_dict(ConnectionObject* connection) noexcept {
  const PyRef outer = PyErr_Occurred() != nullptr ? take_exception() : PyRef();
  const PyRef dict = PyRef::steal(PyObject_GenericGetDict(&connection->ob_base, nullptr));
  for (std::size_t i = 1; dict && i < kHookCount; ++i) {
    const int has = PyDict_Contains(dict.get(), connection->state->hooks[i].name.get());
    note_assignment(connection, connection->state->hooks[i].name.get(), has == 0);
  }
  PyErr_Clear();
  if (outer) restore_exception(PyRef::share(outer.get()));
}

}  // namespace

bool set_overridable(State& state, PyTypeObject* type) noexcept {
  for (std::size_t i = 1; i < kHookCount; ++i) {
    State::Hook& hook = state.hooks[i];
    hook.name = PyRef::steal(PyUnicode_InternFromString(kHookNames[i]));
    if (!hook.name) return false;
    hook.function = PyRef::share(_PyType_Lookup(type, hook.name.get()));
    if (!hook.function) {
      PyErr_Format(PyExc_TypeError, "%s has no method %U", type->tp_name, hook.name.get());
      return false;
    }
  }
  return true;
}

PyObject* hand_out_dict(ConnectionObject* connection) noexcept {
  PyObject* const dict = PyObject_GenericGetDict(&connection->ob_base, nullptr);
  if (dict != nullptr) connection->dict_is_out = true;
  return dict;
}

HookSet recompute_overrides(ConnectionObject* connection) noexcept {
  PyTypeObject* const type = Py_TYPE(&connection->ob_base);
  if (connection->dict_is_out) note_dict(connection);
  HookSet taken = 0;
  for (std::size_t i = 1; i < kHookCount; ++i) {
    const State::Hook& hook = connection->state->hooks[i];
    if (hook.function && _PyType_Lookup(type, hook.name.get()) != hook.function.get()) {
      taken |= HookSet{1} << i;
    }
  }
  connection->class_hooks = taken;
  // 0: to be computed each time, also where CPython keeps no version.
  connection->hooks_version = connection->dict_is_out ? 0 : compat_type_version(type);
  return taken | connection->assigned_hooks;
}

void note_assignment(ConnectionObject* connection, PyObject* name, bool deleted) noexcept {
  for (std::size_t i = 1; i < kHookCount; ++i) {
    // An attribute's name is interned by whoever assigns to it.
    if (connection->state->hooks[i].name.get() != name) continue;
    const HookSet bit = HookSet{1} << i;
    connection->assigned_hooks &= ~bit;
    if (!deleted) connection->assigned_hooks |= bit;
  }
}

}  // namespace sinew::python
