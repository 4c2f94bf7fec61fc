#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <string_view>

#include "dialect/rpyc/extensions.h"
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
  /// The same two for the first message: whoever has not said anything yet is given little.
  std::size_t max_first_frame_size = std::numeric_limits<std::size_t>::max();
  ExtensionSet extensions = ExtensionSet::all();  ///< what to offer and to accept
  Duration heartbeat = Duration::zero();  ///< how often the peer is to show life; zero: it need not
  bool speaks_cpp = false;    ///< explain() names the options of the C++ API, not Python's
  bool bind_threads = false;  ///< messages name threads (thread_binding.h); no extensions then
};

/// What messages in front of a request said about it.
struct Prelude {
  std::int64_t seq = 0;
  rpc::Incoming about;
};

/// RPyC's frames and message headers, in both wire families, and what two Sinew peers agree on
/// beyond them (docs/protocols/extensions.md).
///
/// threads: as rpc::Session; family(), agrees_on(), write_offer() and what is about signs
/// any.
class RpycSession final : public rpc::Session {
 public:
  explicit RpycSession(const SessionOptions& options) noexcept;

  Result<std::size_t> frame_size(ByteView start) override;
  std::size_t header_size() const noexcept override;
  Result<rpc::Incoming> open(Slice frame) override;
  const io::Framing* framing() const noexcept override;
  std::string_view explain(Errc errc) const noexcept override;
  bool carries_references(const rpc::Incoming& answer) const noexcept override;
  rpc::Signs signs() const noexcept override;
  void write_sign(Writer& out) const override;
  void write_probe(Writer& out, std::int64_t seq) const override;
  std::size_t leading_signs(ByteView received) override;
  bool may_cancel() const noexcept override { return agrees_on(Extension::kCancel); }
  void find_cancels(ByteView received, const std::function<void(std::int64_t)>& found) override;

  /// Writes the offer of our extensions as a request numbered `seq`, the first time; nothing when
  /// there is nothing to offer or it has been done.
  void write_offer(Writer& out, std::int64_t seq);

  /// True once both sides may use `extension`.
  bool agrees_on(Extension extension) const noexcept {
    return agreed_[static_cast<std::size_t>(extension) - 1].load(std::memory_order_acquire) != 0;
  }

  /// True when the peer may yet be heard, and that would tell which family to speak.
  bool should_listen() const noexcept {
    return listening_.load(std::memory_order_relaxed) && !heard_.load(std::memory_order_relaxed);
  }

  /// Whether messages begin with a ThreadBinding.
  bool binds_threads() const noexcept { return options_.bind_threads; }

  /// True once a message of the peer has come.
  bool has_heard() const noexcept { return heard_.load(std::memory_order_relaxed); }

  /// Gives up listening: the peer waits for us.
  void stop_listening() noexcept { listening_.store(false, std::memory_order_relaxed); }

  /// Something is about to be sent in family(): a peer that then speaks the other has not
  /// understood it.
  void note_spoken() noexcept { spoken_.store(true, std::memory_order_relaxed); }

  /// The family to speak now.
  wire::Family family() const noexcept { return family_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::int64_t kNotOffered = -1;

  std::size_t limited(std::size_t size) const noexcept {
    return has_heard() ? size : std::min(size, options_.max_first_frame_size);
  }
  Result<void> check_family(wire::Family spoken);
  Result<rpc::Incoming> open_extension(const wire::Message& message, Slice body);
  Result<std::optional<rpc::Incoming>> negotiate(const wire::Message& message);
  Result<rpc::Incoming> open_prelude(Extension extension, const wire::Message& message);
  Result<void> apply_prelude(rpc::Incoming& request);
  Result<std::optional<wire::Message>> peek_message(ByteView received, std::size_t& size);
  Result<rpc::Incoming> open_heartbeat(const wire::Message& message);
  void wish_for_signs(Writer& out) noexcept;
  Result<rpc::Incoming> accept(const wire::Message& message, const ExtensionSet& offer);
  void agree(const ExtensionSet& set) noexcept;

  const SessionOptions options_;
  std::atomic<wire::Family> family_;
  std::atomic<bool> listening_;     // we may yet wait to hear the peer before we speak
  std::atomic<bool> heard_{false};  // at least one frame has come
  std::atomic<bool> spoken_{false};
  std::atomic<std::int64_t> offer_seq_{kNotOffered};
  bool offer_answered_ = false;                      // the leader's
  bool offer_heard_ = false;                         // the leader's
  std::optional<Prelude> prelude_;                   // the leader's: to the message that comes next
  std::atomic<bool> wished_{false};                  // we have asked for signs of life
  std::atomic<Duration::rep> sign_wanted_every_{0};  // the peer's wish
  std::atomic<bool> heard_binding_{false};           // a message looked like one that names threads
  std::atomic<bool> token_wanted_{false};            // the peer's first bytes are a server's that
                                                     // wants a token
  std::atomic<bool> token_offered_{false};           // the same for a client's that offers one
  std::array<std::atomic<std::uint8_t>, kExtensions.size()> agreed_{};
};

}  // namespace sinew::dialect::rpyc
