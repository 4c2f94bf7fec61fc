#pragma once

#include <cstdint>

#include "compat.h"
#include "py_ref.h"
#include "state.h"

namespace sinew::python {

class Peer;

/// The Python object of a connection: base class of `sinew.rpyc.core.protocol.Connection`. All
/// that it does is in Peer.
struct ConnectionObject {
  PyObject ob_base;
  State* state;
  Peer* peer;            // null before __init__ and after the object was cleared
  PyObject* config;      // the live configuration, a dict; null before __init__ and after clearing
  PyObject* local_root;  // what the peer gets as our root
  PyObject* channel;     // keeps the Python side of the stream alive
  PyObject* weak_references;
  // Which methods are the program's own (overrides.h).
  std::uint64_t class_hooks;     // as of hooks_version
  std::uint64_t assigned_hooks;  // assigned to this very object
  std::uint32_t hooks_version;   // of the class; 0 before the first look
  bool dict_is_out;              // somebody has the `__dict__`, and may assign there
};

/// Makes the type. False with an exception set.
bool init_connection_type(State& state, PyObject* module) noexcept;

/// The peer of a connection that was set up; null with an exception set otherwise.
Peer* peer_of(ConnectionObject* connection) noexcept;

}  // namespace sinew::python
