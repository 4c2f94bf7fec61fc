#pragma once

#include <string_view>

#include "peer.h"

namespace sinew::python {

/// Attribute access on behalf of the peer: the configuration's policy, applied to the real object
/// and the name asked for (docs/protocols/rpyc.md section 1.4). An object may bring a policy of its
/// own (`_rpyc_getattr` and its kin).
///
/// `name` is a str, or bytes in UTF-8 as old peers send them. Each returns false or an empty
/// reference with an exception set. With the GIL held.
///
/// Where `_access_attr` or `_check_attr` of the connection is the program's own, that decides.
PyRef get_attribute(Peer& peer, PyObject* object, PyObject* name) noexcept;
bool set_attribute(Peer& peer, PyObject* object, PyObject* name, PyObject* value) noexcept;
bool delete_attribute(Peer& peer, PyObject* object, PyObject* name) noexcept;

/// The name under which an access is granted, by our own decision; empty with an exception set when
/// it is denied. `key` is the configuration's for that kind of access, "allow_getattr" or its kin.
PyRef granted_name(Peer& peer, PyObject* object, PyObject* name, std::string_view key) noexcept;

}  // namespace sinew::python
