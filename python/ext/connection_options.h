#pragma once

#include "peer.h"

namespace sinew::python {

/// The limits and choices of a connection that are fixed when it is made, read from its config
/// dict by the names of their fields. Keys that are missing keep their defaults.
struct ConnectionOptions {
  dialect::rpyc::SessionOptions session;
  PeerLimits limits;
  rpc::Limits rpc;

  /// False with an exception set (TypeError, ValueError) for a value that makes no sense.
  bool read(PyObject* config) noexcept;
};

}  // namespace sinew::python
