#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <string_view>

#include "rpc/session.h"
#include "wire/rpyc_message.h"

namespace sinew::dialect::rpyc {

/// Limits and choices of one RPyC connection; options of the same names in Python's config.
struct SessionOptions {
  enum class Family : std::uint8_t {
    kAuto,    ///< speak C until the peer is heard to speak B
    kDetect,  ///< the same, but listen for a moment before speaking first (a server's choice)
    kB,       ///< RPyC 4.1 to 5.3
    kC,       ///< RPyC 6
  };

  Family wire_family = Family::kAuto;
  std::size_t max_frame_size = std::size_t{1} << 30;       ///< bytes of payload as received
  std::size_t max_inflated_size = std::size_t{256} << 20;  ///< bytes of payload after inflating
};

/// RPyC's frames and message headers, in both wire families.
///
/// threads: as rpc::Session; family() any.
class RpycSession final : public rpc::Session {
 public:
  explicit RpycSession(const SessionOptions& options) noexcept;

  Result<std::size_t> frame_size(ByteView start) override;
  std::size_t header_size() const noexcept override;
  Result<rpc::Incoming> open(Slice frame) override;
  std::string_view explain(Errc errc) const noexcept override;
  bool carries_references(const rpc::Incoming& answer) const noexcept override;

  /// True when the peer may yet be heard, and that would tell which family to speak.
  bool should_listen() const noexcept {
    return listening_.load(std::memory_order_relaxed) && !heard_.load(std::memory_order_relaxed);
  }

  /// True once a message of the peer has come.
  bool has_heard() const noexcept { return heard_.load(std::memory_order_relaxed); }

  /// Gives up listening: the peer waits for us.
  void stop_listening() noexcept { listening_.store(false, std::memory_order_relaxed); }

  /// The family to speak now.
  wire::Family family() const noexcept { return family_.load(std::memory_order_relaxed); }

 private:
  Result<void> check_family(wire::Family spoken);

  const SessionOptions options_;
  std::atomic<wire::Family> family_;
  std::atomic<bool> listening_;     // we may yet wait to hear the peer before we speak
  std::atomic<bool> heard_{false};  // at least one frame has come
};

}  // namespace sinew::dialect::rpyc
