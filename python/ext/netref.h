#pragma once

#include <cstdint>

#include "connection_object.h"
#include "remote_class.h"
#include "state.h"

namespace sinew::python {

/// A netref: the proxy for an object of the peer (an import). One per remote object and
/// connection, found again by its id while it lives.
struct Netref {
  PyObject ob_base;
  ConnectionObject* connection;  // owned reference
  RemoteClass* remote_class;     // lives as long as the connection
  std::int64_t instance_id;      // 0 for the class object itself
  std::uint64_t received;        // how often the peer sent it: what its release returns; 0 if never
  PyObject* weak_references;
};

/// Makes BaseNetref and its metaclass. False with an exception set.
bool init_netref_types(State& state, PyObject* module) noexcept;

/// True for a netref of any connection.
bool is_netref(const State& state, PyObject* object) noexcept;

inline Netref* as_netref(PyObject* object) noexcept { return reinterpret_cast<Netref*>(object); }

/// A new netref of `type`, registered with its connection.
PyRef make_netref(ConnectionObject* connection, RemoteClass& remote_class, std::int64_t instance_id,
                  PyTypeObject* type) noexcept;

/// Reads (name, class number, instance number); the name is borrowed from the tuple. False with an
/// exception set.
bool read_id_pack(PyObject* id_pack, object::ObjectIdView& into) noexcept;

/// (name, class number, instance number), as RPyC's users see it in `____id_pack__`.
PyRef id_pack_of(const Netref& netref) noexcept;

/// Makes a proxy class: NetrefMetaclass(name, (BaseNetref,), attributes), with the slots for calls
/// and iteration pointed straight at ours. New reference, or null with an exception set.
PyObject* make_netref_class(State& state, PyObject* name, PyObject* attributes) noexcept;

}  // namespace sinew::python
