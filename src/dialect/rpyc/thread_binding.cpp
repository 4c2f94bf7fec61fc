#include "dialect/rpyc/thread_binding.h"

#include <pthread.h>

namespace sinew::dialect::rpyc {
namespace {

thread_local ServingBound* innermost = nullptr;

// As Python numbers its threads; never 0.
std::uint64_t this_thread() noexcept { return static_cast<std::uint64_t>(::pthread_self()); }

}  // namespace

ServingBound::ServingBound(const void* connection, const ThreadBinding& request) noexcept
    : connection_(connection),
      own_{.sender = request.recipient != 0 ? request.recipient : this_thread(),
           .recipient = request.sender},
      outer_(innermost) {
  innermost = this;
}

ServingBound::~ServingBound() { innermost = outer_; }

ThreadBinding binding_for_sending(const void* connection) noexcept {
  for (const ServingBound* at = innermost; at != nullptr; at = at->outer_) {
    if (at->connection_ == connection) return at->own_;
  }
  return {.sender = this_thread(), .recipient = 0};
}

}  // namespace sinew::dialect::rpyc
