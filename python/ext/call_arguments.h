#pragma once

#include <array>
#include <vector>

#include "peer.h"

namespace sinew::python {

/// The arguments of a call that the peer makes, decoded straight into the array that CPython's
/// vectorcall takes: no tuple and no dict in between.
///
/// With the GIL held. The read members return false with an exception set.
class CallArguments {
 public:
  CallArguments() noexcept = default;
  ~CallArguments();
  CallArguments(const CallArguments&) = delete;
  CallArguments& operator=(const CallArguments&) = delete;

  /// Reads the positional arguments: the next item of `request`, a tuple.
  bool read_positional(Peer& peer, dialect::rpyc::ItemReader& request) noexcept;

  /// Reads the keyword arguments, if the request has them: a tuple of (name, value) pairs.
  bool read_keywords(Peer& peer, dialect::rpyc::ItemReader& request) noexcept;

  /// Calls `callable` with them.
  PyRef call(PyObject* callable) const noexcept;

 private:
  bool add(Result<PyRef> value) noexcept;
  bool add_name(Result<PyRef> name) noexcept;

  // One place more than arguments: vectorcall lets the callee use the one in front.
  static constexpr std::size_t kInline = 9;
  std::array<PyObject*, kInline> inline_;
  std::vector<PyObject*> heap_;  // all of it, once there are too many
  std::size_t positional_ = 0;
  std::size_t count_ = 0;
  PyRef keyword_names_;  // a list while reading, then a tuple
};

}  // namespace sinew::python
