#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "io/fd.h"
#include "io/stream.h"
#include "trace/journal.h"

namespace sinew::trace {

struct RelayOptions {
  /// Goes on for further clients. Without it the first one is the only one.
  bool follow = false;

  /// Clients beyond it wait to be accepted.
  std::size_t max_connections = 1000;

  /// Of a message, for who decodes it. All of it passes in any case.
  std::size_t most_kept = std::size_t{16} << 20;
};

/// Passes on what clients of a listening socket and a target say to each other, unchanged and at
/// once, and tells a journal of it, which it closes when it is over.
///
/// threads: any, but for the destructor, which stops it.
class Relay {
 public:
  /// Makes the connection to the target, for each client. Called on a thread of its own; throws
  /// Error.
  using Connect = std::function<std::unique_ptr<io::Stream>()>;

  Relay(io::Fd listener, Connect connect, Journal& journal, const RelayOptions& options = {});
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Accepts nobody any more, and ends what is under way.
  void stop() noexcept;

 private:
  class Link;

  void accept_clients() noexcept;
  Result<io::Fd> accept_one() noexcept;
  void wait_for_links(std::size_t most);

  const io::Fd listener_;
  const Connect connect_;
  Journal& journal_;
  const RelayOptions options_;
  std::mutex mutex_;
  std::list<std::unique_ptr<Link>> links_;  // guarded by mutex_
  bool stopped_ = false;                    // guarded by mutex_
  Parker room_;                             // of the thread that accepts: a link has ended
  std::thread thread_;
};

}  // namespace sinew::trace
