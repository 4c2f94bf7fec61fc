#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/errc.h"
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
};

struct ExtensionInfo {
  Extension number;
  std::uint8_t version;   ///< the newest that is spoken here
  std::string_view name;  ///< in the configuration
};

inline constexpr std::array kExtensions{
    ExtensionInfo{Extension::kHeartbeat, 1, "heartbeat"},
    ExtensionInfo{Extension::kRelease, 1, "release"},
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

/// A sign of life, or the question for one; the answer has the stamp of the question.
struct Heartbeat {
  bool asks = true;
  std::int64_t stamp = 0;
};
void write_heartbeat(Writer& out, wire::Family family, const Heartbeat& beat);
Result<Heartbeat> read_heartbeat(ByteView body) noexcept;

/// One entry of a release: `count` receptions of an object are given back.
struct ReleaseEntry {
  object::ObjectIdView id;
  std::uint64_t count = 0;
};
/// Reads an entry; the message's body is a tuple of them. The name is borrowed. Fails with
/// kBadExtension for a count below 1.
Result<ReleaseEntry> read_release(Reader& in) noexcept;

/// Begins a message of `extension`; its body follows. Returns what end_frame() wants.
std::size_t begin_extension(Writer& out, wire::Family family, Extension extension);

}  // namespace sinew::dialect::rpyc
