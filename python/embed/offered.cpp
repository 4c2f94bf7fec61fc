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

thread_local bool serves_offered = false;

void serve(detail::Peer& peer) noexcept {
  serves_offered = true;
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
  try {
    for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
      threads_.emplace_back([peer = peer_] { serve(*peer); });
    }
  } catch (...) {
    end();
    throw Error(Error::Kind::kOverloaded, "no threads are left for an object that is offered");
  }
}

OfferedObject::~OfferedObject() { end(); }

bool OfferedObject::is_called_here() noexcept { return serves_offered; }

// A function of the object's may be what destroys it: its own thread is not to wait for itself.
void OfferedObject::end() noexcept {
  peer_->close();
  for (std::thread& thread : threads_) {
    thread.get_id() == std::this_thread::get_id() ? thread.detach() : thread.join();
  }
  *root_ = {};  // functions of Python's, which it may hold, hold the peer
}

}  // namespace sinew::python
