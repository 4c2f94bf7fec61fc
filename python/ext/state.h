#pragma once

#include <array>

#include "names.h"
#include "py_ref.h"

namespace sinew::python {

/// Everything that the module keeps; no other Python object is held by a static. Connections point
/// here, and proxies reach it through theirs. There is one: subinterpreters cannot import the
/// module, because a thread that comes without the GIL (PyGILState_Ensure) could not tell which one
/// it wants.
///
/// Set up once at import, read-only afterwards. With the GIL held.
struct State {
  Names names;

  PyRef limit_error;        // sinew.LimitError
  PyRef cancelled_error;    // sinew.Cancelled
  PyRef stale_error;        // sinew.StaleReference
  PyRef deadline_variable;  // of sinew.deadline: a moment of the monotonic clock, in seconds

  // The module's types.
  PyRef connection_type;
  PyRef netref_metatype;
  PyRef netref_type;  // BaseNetref
  PyRef remote_method_type;
  PyRef bound_method_type;
  PyRef async_result_type;
  PyRef buffered_iterator_type;
  PyRef pool_type;
  PyRef tls_context_type;
  PyRef tls_stream_type;
  PyRef dispatcher_type;
  PyRef job_type;

  /// A method of connections that the engine has taken over (overrides.h).
  struct Hook {
    PyRef name;
    PyRef function;  ///< what the class has that programs derive theirs from
  };
  std::array<Hook, 40> hooks;

  /// Attribute names that a proxy answers itself, a frozenset; set by core/netref.py.
  PyRef local_names;

  int traverse(visitproc visit, void* arg) const noexcept;
  void clear() noexcept;
};

/// The state of the module that `type`, or a base of it, was made by. Null with an exception set
/// when it is no type of this module.
State* state_of(PyTypeObject* type) noexcept;

}  // namespace sinew::python
