#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/errc.h"
#include "base/error.h"
#include "base/reader.h"
#include "base/writer.h"
#include "object/object_id.h"
#include "wire/rpyc_message.h"

namespace sinew::dialect::rpyc {

/// What two Sinew peers may agree on beyond RPyC (docs/protocols/extensions.md). The values are the
/// numbers on the wire. A new one is a line here, one in kExtensions, and its section there.
enum class Extension : std::uint8_t {
  kHeartbeat = 1,  ///< a sign of life that needs neither a request nor the peer's interpreter
  kRelease = 2,    ///< references given back without an answer, many in one message
  kDeadline = 3,   ///< how long the answer to a request is of use
  kCancel = 4,     ///< the answer to a request is of no use any more
  kAffinity = 5,   ///< which question of the peer a request is made for
};

struct ExtensionInfo {
  Extension number;
  std::uint8_t version;   ///< the newest that is spoken here
  std::string_view name;  ///< in the configuration
};

inline constexpr std::array kExtensions{
    ExtensionInfo{Extension::kHeartbeat, 1, "heartbeat"},
    ExtensionInfo{Extension::kRelease, 1, "release"},
    ExtensionInfo{Extension::kDeadline, 1, "deadline"},
    ExtensionInfo{Extension::kCancel, 1, "cancel"},
    ExtensionInfo{Extension::kAffinity, 1, "affinity"},
};

/// Which extensions, and in which version: zero is none. A value.
class ExtensionSet {
 public:
  /// All that are known, each in its newest version.
  static ExtensionSet all() noexcept;

  bool has(Extension extension) const noexcept { return version(extension) != 0; }
  std::uint8_t version(Extension extension) const noexcept { return versions_[index(extension)]; }
  void set(Extension extension, std::uint8_t version) noexcept {
    versions_[index(extension)] = version;
  }
  bool empty() const noexcept { return *this == ExtensionSet(); }

  /// What both have, each in the older version.
  ExtensionSet common(const ExtensionSet& other) const noexcept;

  /// True when each is in `offer`, in no newer version.
  bool is_within(const ExtensionSet& offer) const noexcept { return common(offer) == *this; }

  bool operator==(const ExtensionSet&) const noexcept = default;

 private:
  static std::size_t index(Extension extension) noexcept {
    return static_cast<std::size_t>(extension) - 1;
  }
  std::array<std::uint8_t, kExtensions.size()> versions_{};
};

/// Writes the frame of an offer: a PING that a stock peer echoes.
void write_offer(Writer& out, wire::Family family, std::int64_t seq, const ExtensionSet& offer);

/// Writes the frame of the answer to the offer with the number `seq`.
void write_acceptance(Writer& out, wire::Family family, std::int64_t seq,
                      const ExtensionSet& accepted);

/// The offer in a request's body, or nothing if it is any other request. Numbers that are not
/// known are passed over. Fails as brine does when the body begins like an offer and is none.
Result<std::optional<ExtensionSet>> read_offer(ByteView body) noexcept;

/// The answer in the body of a reply to our offer; nothing if the peer only echoes it. An unknown
/// number, which we cannot have offered, is kBadFrame.
Result<std::optional<ExtensionSet>> read_acceptance(ByteView body) noexcept;

/// A sign of life, or the wish to get them: one every `every`, zero for no more. On the wire in
/// milliseconds, of which there are as many as 32 bits hold.
struct Heartbeat {
  bool is_wish = false;
  Duration every = Duration::zero();
};
void write_heartbeat(Writer& out, wire::Family family, const Heartbeat& beat);
Result<Heartbeat> read_heartbeat(ByteView body) noexcept;

/// Writes that the answer to the request `seq`, which must follow, is of use for `left`.
void write_deadline(Writer& out, wire::Family family, std::int64_t seq, Duration left);

/// Writes that the request `seq`, which must follow, is made while serving the peer's `parent`.
void write_affinity(Writer& out, wire::Family family, std::int64_t seq, std::int64_t parent);

/// Writes that the answer to the request `seq`, sent before, is of no use any more.
void write_cancel(Writer& out, wire::Family family, std::int64_t seq);

/// What a message of one of these three says; the second value is milliseconds, a request's number,
/// or absent in turn. Fails with kBadExtension.
struct AboutRequest {
  std::int64_t seq = 0;
  std::int64_t value = 0;
};
Result<AboutRequest> read_about_request(Extension extension, ByteView body) noexcept;

/// One entry of a release: `count` receptions of an object are given back.
struct ReleaseEntry {
  object::ObjectIdView id;
  std::uint64_t count = 0;
};
/// Reads an entry; the message's body is a tuple of them. The name is borrowed. Fails with
/// kBadExtension for a count below 1.
Result<ReleaseEntry> read_release(Reader& in) noexcept;

/// Calls `visit(entry)` for each entry of a release, up to the first that cannot be read. Fails as
/// read_release() does; a body that is no tuple has no entries.
template <class Visit>
Result<void> for_each_release(ByteView body, Visit visit) {
  Reader in(body);
  const auto count = wire::read_tuple_header(in);
  for (std::size_t i = 0; count && i < *count; ++i) {
    SINEW_ASSIGN(const ReleaseEntry entry, read_release(in));
    visit(entry);
  }
  return {};
}

/// The error of a peer whose release cannot be read.
inline Error bad_release() {
  return {Error::Kind::kProtocol, "the peer gives references back in a way that was not agreed on"};
}

/// Begins a message of `extension`; its body follows. Returns what end_frame() wants.
std::size_t begin_extension(Writer& out, wire::Family family, Extension extension);

}  // namespace sinew::dialect::rpyc
