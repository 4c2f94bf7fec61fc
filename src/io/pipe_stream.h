#pragma once

#include <atomic>
#include <string>

#include "io/fd.h"
#include "io/stream.h"

namespace sinew::io {

/// Two one-way descriptors as one stream: pipes to a child, standard input and output, a FIFO
/// pair. Puts both descriptors into non-blocking mode, because a blocking write to a full pipe
/// could not read meanwhile and two such peers would wait for each other for ever.
class PipeStream final : public Stream {
 public:
  /// Takes over both descriptors. Throws Error when no wake-up descriptor can be made.
  PipeStream(Fd incoming, Fd outgoing);

  Result<std::size_t> try_read(MutableByteView into, std::size_t wanted) override;
  Result<std::size_t> read(MutableByteView into, std::size_t wanted, Deadline deadline) override;
  Result<std::size_t> try_write(std::span<const iovec> pieces) override;
  Result<Readiness> wait(Readiness wanted, Deadline deadline) override;
  std::optional<std::size_t> unread() const noexcept override;
  void interrupt() noexcept override;
  int descriptor() const noexcept override { return incoming_.get(); }
  std::string last_error() const override;
  std::string describe() const override { return "pipe"; }

 private:
  Errc broken(int error) noexcept;

  Fd incoming_;
  Fd outgoing_;
  Fd wake_;  // an eventfd: a pipe has no shutdown(2) that would wake a waiter
  std::atomic<bool> interrupted_{false};
  std::atomic<int> error_{0};
};

}  // namespace sinew::io
