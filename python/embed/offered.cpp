#include "embed/offered.h"

#include <algorithm>
#include <utility>

#include "io/socket_stream.h"

namespace sinew::python {
namespace {

// Both ends are in one process: neither is slow, silent or gone.
Options in_process() {
  Options options;
  options.call_timeout = options.heartbeat = options.frame_timeout = {};
  return options;
}

void serve(detail::Peer& peer) noexcept {
  rpc::Connection& connection = peer.connection();
  while (!connection.is_dead()) {
    static_cast<void>(connection.serve(Deadline::never(), /*once=*/false));
  }
}

}  // namespace

OfferedObject::OfferedObject(io::Fd socket, const Object& object, std::size_t threads)
    : root_(std::make_shared<Object>(object)),
      peer_(detail::Peer::make(std::make_unique<io::SocketStream>(std::move(socket)), in_process(),
                               [root = root_](const Connection&) { return *root; })) {
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
    threads_.emplace_back([peer = peer_] { serve(*peer); });
  }
}

OfferedObject::~OfferedObject() {
  peer_->close();
  for (std::thread& thread : threads_) thread.join();
  *root_ = {};  // functions of Python's, which it may hold, hold the peer
}

}  // namespace sinew::python
