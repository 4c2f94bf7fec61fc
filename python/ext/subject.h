#pragma once

#include "base/clock.h"
#include "dialect/rpyc/protocol.h"
#include "peer.h"

namespace sinew::python {

/// What a request is about, for the error that says that it was not answered in time.
struct Subject {
  dialect::rpyc::Handler handler{};
  const RemoteClass* target =
      nullptr;               ///< the class of the object asked; lives with the connection
  PyObject* name = nullptr;  ///< the attribute, if the handler names one; borrowed
  TimePoint asked{};
};

/// Raises TimeoutError: which call, where, after how long.
void raise_too_late(Peer& peer, const Subject& subject) noexcept;

}  // namespace sinew::python
