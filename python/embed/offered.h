#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "api/peer.h"
#include "io/fd.h"
#include "sinew/object.hpp"

namespace sinew::python {

/// An object of the program's, served to the interpreter of the same process on threads of its own:
/// they never hold the GIL.
///
/// threads: one.
class OfferedObject {
 public:
  /// Serves `object` as the root at this end of a pair of sockets. Throws Error (kOverloaded).
  OfferedObject(io::Fd socket, const Object& object, std::size_t threads);
  /// Waits for the functions that are being called, but for the one that this thread is in.
  ~OfferedObject();
  OfferedObject(const OfferedObject&) = delete;
  OfferedObject& operator=(const OfferedObject&) = delete;

  /// Whether this thread is inside a function that Python has called.
  static bool is_called_here() noexcept;

 private:
  void end() noexcept;

  const std::shared_ptr<Object> root_;
  const std::shared_ptr<detail::Peer> peer_;
  std::vector<std::thread> threads_;
};

}  // namespace sinew::python
