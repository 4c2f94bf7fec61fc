#pragma once

#include <cstddef>
#include <memory>

#include "api/admission.h"
#include "base/clock.h"
#include "io/fd.h"

namespace sinew::detail {

/// Accepts clients and has them served: what the kinds of servers differ in.
///
/// threads: any; run() on one.
class ServerEngine {
 public:
  virtual ~ServerEngine() = default;

  /// Accepts, on this thread, until close(), or until the last client has been served.
  virtual void run() = 0;

  /// Accepts nobody any more; clients that are here go on. Any number of times.
  virtual void close() noexcept = 0;

  /// close(); lets what is being served end until `deadline`, and then cuts it off. True if nothing
  /// was. Not on a thread that serves.
  virtual bool stop(Deadline deadline) = 0;

  virtual std::size_t connections() const = 0;

  /// By options().kind. Throws Error.
  static std::unique_ptr<ServerEngine> make(io::Fd listener, std::shared_ptr<Admission> admission);
};

std::unique_ptr<ServerEngine> make_threaded_engine(io::Fd listener,
                                                   std::shared_ptr<Admission> admission);
std::unique_ptr<ServerEngine> make_pooled_engine(io::Fd listener,
                                                 std::shared_ptr<Admission> admission);

}  // namespace sinew::detail
