#pragma once

#include "py_ref.h"

namespace sinew::python {

/// Names that the extension looks up at run time, interned once. X(member, text).
#define SINEW_NAMES(X)                 \
  X(class_, "__class__")               \
  X(poll_once, "poll_once")            \
  X(serve, "serve")                    \
  X(serve_all, "serve_all")            \
  X(wait_for, "wait_for")              \
  X(closed_by_peer, "_closed_by_peer") \
  X(access_attr, "_access_attr")       \
  X(answer_error, "_answer_error")     \
  X(callbacks, "_callbacks")           \
  X(deliver, "_deliver")               \
  X(dispatch, "_dispatch")             \
  X(exposed_mark, "__sinew_exposed__") \
  X(fget, "fget")                      \
  X(func, "__func__")                  \
  X(iter, "__iter__")                  \
  X(live_config, "_live_config")       \
  X(module, "__module__")              \
  X(name, "__name__")                  \
  X(netref_class, "_netref_class")     \
  X(netref_factory, "_netref_factory") \
  X(poll, "poll")                      \
  X(poll_all, "poll_all")              \
  X(rpyc_delattr, "_rpyc_delattr")     \
  X(rpyc_getattr, "_rpyc_getattr")     \
  X(rpyc_setattr, "_rpyc_setattr")     \
  X(serve_for, "_serve_for")           \
  X(serve_request, "_serve_request")   \
  X(submit, "submit")                  \
  X(sync_request, "sync_request")      \
  X(timeleft, "timeleft")              \
  X(unbox_exc, "_unbox_exc")

/// The interned names themselves.
struct Names {
#define SINEW_DECLARE_NAME(member, text) PyRef member;
  SINEW_NAMES(SINEW_DECLARE_NAME)
#undef SINEW_DECLARE_NAME

  /// False with an exception set when memory ran out.
  bool intern() noexcept;
};

}  // namespace sinew::python
