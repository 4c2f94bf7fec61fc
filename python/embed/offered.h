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
/// threads: one, which is none of its own.
class OfferedObject {
 public:
  /// Serves `object` as the root at this end of a pair of sockets.
  OfferedObject(io::Fd socket, const Object& object, std::size_t threads);
  /// Waits for the functions that are being called.
  ~OfferedObject();
  OfferedObject(const OfferedObject&) = delete;
  OfferedObject& operator=(const OfferedObject&) = delete;

 private:
  const std::shared_ptr<Object> root_;
  const std::shared_ptr<detail::Peer> peer_;
  std::vector<std::thread> threads_;
};

}  // namespace sinew::python
