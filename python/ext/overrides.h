#pragma once

#include <array>
#include <cstdint>

#include "connection_object.h"
#include "dialect/rpyc/protocol.h"

namespace sinew::python {

// Design notes.
//
// What RPyC does in methods of its Connection, the engine does in C++. A program may put its own in
// the place of such a method: in a subclass, by assigning to the class, or by assigning to one
// connection. The engine then has to step aside, or a restriction made that way would restrict
// nothing. The methods that can be had back are *hooks*; which of them are taken is a set of bits,
// looked at before the engine does their work. That costs a load and a compare: the set is computed
// again only when the class changed, which CPython tells by the version tag that it keeps for its
// own cache of methods. What is assigned to a connection goes through connection_setattro();
// who asks for its `__dict__` may assign there, and has that looked into from then on.

/// A method that may be overridden. Those that serve requests have their request's number.
enum class Hook : std::uint8_t {
  kCheckAttr = 21,
  kAccessAttr,
  kBox,
  kUnbox,
  kSend,
  kDispatch,
  kDispatchRequest,
  kSeqRequestCallback,
  kNetrefFactory,
  kGetSeqId,
  kAsyncRequestRaw,  ///< `_async_request`
  kAsyncRequest,
  kSyncRequest,
  kServe,
  kPoll,
  kPollAll,
};

inline constexpr std::size_t kHookCount = static_cast<std::size_t>(Hook::kPollAll) + 1;
static_assert(kHookCount <= 64 && kHookCount <= std::tuple_size_v<decltype(State::hooks)>);

/// A set of hooks.
using HookSet = std::uint64_t;

constexpr HookSet hook_bit(Hook hook) noexcept { return HookSet{1} << static_cast<int>(hook); }
constexpr HookSet hook_bit(dialect::rpyc::Handler handler) noexcept {
  return HookSet{1} << static_cast<int>(handler);
}

/// Any of these, and every message goes through Python, as stock's do.
inline constexpr HookSet kMessageHooks = hook_bit(Hook::kBox) | hook_bit(Hook::kUnbox) |
                                         hook_bit(Hook::kSend) | hook_bit(Hook::kDispatch) |
                                         hook_bit(Hook::kDispatchRequest) |
                                         hook_bit(Hook::kSeqRequestCallback);

/// Any of these, and async_request() is made of the methods that stock's is made of.
inline constexpr HookSet kSendHooks =
    kMessageHooks | hook_bit(Hook::kGetSeqId) | hook_bit(Hook::kAsyncRequestRaw);

/// Any of these, and sync_request() is async_request() and a wait.
inline constexpr HookSet kSyncHooks =
    kSendHooks | hook_bit(Hook::kAsyncRequest) | hook_bit(Hook::kServe);

/// Any of these, and proxies ask through sync_request().
inline constexpr HookSet kAskHooks = kSyncHooks | hook_bit(Hook::kSyncRequest);

inline constexpr HookSet kAccessHooks = hook_bit(Hook::kCheckAttr) | hook_bit(Hook::kAccessAttr);

/// Any of these, and messages are read by calling them: in a wait, and in a pool of threads.
inline constexpr HookSet kPollHooks =
    hook_bit(Hook::kServe) | hook_bit(Hook::kPoll) | hook_bit(Hook::kPollAll);

/// The hooks whose being taken means that a request is served by its method in Python.
constexpr HookSet hooks_of(std::int64_t request) noexcept {
  using dialect::rpyc::Handler;
  if (request < 1 || request > static_cast<std::int64_t>(Handler::kInstanceCheck)) return 0;
  const HookSet own = HookSet{1} << request;
  if (request != static_cast<std::int64_t>(Handler::kCallAttr)) return own;
  return own | hook_bit(Handler::kGetAttr) | hook_bit(Handler::kCall);
}

/// The connection's own dictionary, as `__dict__`: new reference, or null with an exception set.
PyObject* hand_out_dict(ConnectionObject* connection) noexcept;

/// Has `type` be the class whose methods are the engine's. False with an exception set.
bool set_overridable(State& state, PyTypeObject* type) noexcept;

/// Which hooks are taken, the class having changed, or the `__dict__` being out.
HookSet recompute_overrides(ConnectionObject* connection) noexcept;

/// Which hooks are taken, now. With the GIL held.
inline HookSet overridden(ConnectionObject* connection) noexcept {
  const std::uint32_t version = compat_type_version(Py_TYPE(&connection->ob_base));
  if (version != 0 && version == connection->hooks_version) [[likely]] {
    return connection->class_hooks | connection->assigned_hooks;
  }
  return recompute_overrides(connection);
}

/// Something was assigned to an attribute of the connection, or it was deleted.
void note_assignment(ConnectionObject* connection, PyObject* name, bool deleted) noexcept;

}  // namespace sinew::python
