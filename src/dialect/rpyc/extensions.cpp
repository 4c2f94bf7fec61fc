#include "dialect/rpyc/extensions.h"

#include <algorithm>
#include <limits>

#include "dialect/rpyc/boxing.h"
#include "wire/brine_tokens.h"
#include "wire/rpyc_frame.h"

namespace sinew::dialect::rpyc {
namespace {

constexpr std::int64_t kMostMilliseconds = std::numeric_limits<std::uint32_t>::max();

constexpr std::string_view kOfferMark("\x93SINEW?", 7);
constexpr std::string_view kAcceptanceMark("\x93SINEW!", 7);

void write_list(Writer& out, std::string_view mark, const ExtensionSet& set) {
  Writer data;
  data.append(as_bytes(mark));
  const auto count = std::ranges::count_if(
      kExtensions, [&](const ExtensionInfo& info) { return set.has(info.number); });
  wire::write_tuple_header(data, static_cast<std::size_t>(count));
  for (const ExtensionInfo& info : kExtensions) {
    if (!set.has(info.number)) continue;
    wire::write_tuple_header(data, 2);
    wire::write_int(data, static_cast<std::int64_t>(info.number));
    wire::write_int(data, set.version(info.number));
  }
  wire::write_bytes(out, data.copied());
}

// The list behind the mark. With `known_only` an unknown number is an error.
Result<ExtensionSet> read_list(ByteView data, bool known_only) noexcept {
  ExtensionSet set;
  Reader in(data);
  SINEW_ASSIGN(const std::size_t count, wire::read_tuple_header(in));
  for (std::size_t i = 0; i < count; ++i) {
    SINEW_TRY(wire::read_tuple_header_of(in, 2));
    SINEW_ASSIGN(const std::int64_t number, wire::read_int(in));
    SINEW_ASSIGN(const std::int64_t version, wire::read_int(in));
    const auto info = std::ranges::find(kExtensions, number, [](const ExtensionInfo& one) {
      return static_cast<std::int64_t>(one.number);
    });
    const bool known = info != kExtensions.end();
    if (version < 1 || (known_only && !known)) return fail(Errc::kBadFrame);
    constexpr std::int64_t kNewest = std::numeric_limits<std::uint8_t>::max();
    if (known) set.set(info->number, static_cast<std::uint8_t>(std::min(version, kNewest)));
  }
  if (!in.empty()) return fail(Errc::kTrailingBytes);
  return set;
}

}  // namespace

ExtensionSet ExtensionSet::all() noexcept {
  ExtensionSet set;
  for (const ExtensionInfo& info : kExtensions) set.set(info.number, info.version);
  return set;
}

ExtensionSet ExtensionSet::common(const ExtensionSet& other) const noexcept {
  ExtensionSet set;
  std::ranges::transform(versions_, other.versions_, set.versions_.begin(),
                         [](auto a, auto b) { return std::min(a, b); });
  return set;
}

std::size_t begin_extension(Writer& out, wire::Family family, Extension extension) {
  const std::size_t start = wire::begin_frame(out);
  wire::begin_message(out, family, wire::MessageKind::kExtension,
                      static_cast<std::int64_t>(extension));
  return start;
}

namespace {

std::int64_t milliseconds_of(Duration duration) noexcept {
  const auto count = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  return std::clamp<std::int64_t>(count, 0, kMostMilliseconds);
}

template <class... Value>
void write_about_request(Writer& out, wire::Family family, Extension extension, Value... values) {
  const std::size_t start = begin_extension(out, family, extension);
  wire::write_tuple_header(out, sizeof...(values));
  (wire::write_int(out, values), ...);
  static_cast<void>(wire::end_frame(out, start));
}

}  // namespace

void write_heartbeat(Writer& out, wire::Family family, const Heartbeat& beat) {
  const std::size_t start = begin_extension(out, family, Extension::kHeartbeat);
  wire::write_tuple_header(out, 2);
  wire::write_int(out, beat.is_wish ? 0 : 1);
  wire::write_int(out, milliseconds_of(beat.every));
  static_cast<void>(wire::end_frame(out, start));
}

Result<Heartbeat> read_heartbeat(ByteView body) noexcept {
  Reader in(body);
  SINEW_TRY(wire::read_tuple_header_of(in, 2));
  SINEW_ASSIGN(const std::int64_t what, wire::read_int(in));
  SINEW_ASSIGN(const std::int64_t every, wire::read_int(in));
  if (what < 0 || what > 1 || every < 0 || every > kMostMilliseconds || !in.empty()) {
    return fail(Errc::kBadExtension);
  }
  return Heartbeat{.is_wish = what == 0, .every = std::chrono::milliseconds(every)};
}

void write_deadline(Writer& out, wire::Family family, std::int64_t seq, Duration left) {
  write_about_request(out, family, Extension::kDeadline, seq, milliseconds_of(left));
}

void write_affinity(Writer& out, wire::Family family, std::int64_t seq, std::int64_t parent) {
  write_about_request(out, family, Extension::kAffinity, seq, parent);
}

void write_cancel(Writer& out, wire::Family family, std::int64_t seq) {
  write_about_request(out, family, Extension::kCancel, seq);
}

Result<AboutRequest> read_about_request(Extension extension, ByteView body) noexcept {
  const bool has_value = extension != Extension::kCancel;
  Reader in(body);
  SINEW_TRY(wire::read_tuple_header_of(in, has_value ? 2 : 1));
  AboutRequest about;
  SINEW_ASSIGN(about.seq, wire::read_int(in));
  if (has_value) {
    SINEW_ASSIGN(about.value, wire::read_int(in));
  }
  const bool too_long = extension == Extension::kDeadline && about.value > kMostMilliseconds;
  if (about.seq < 0 || about.value < 0 || too_long || !in.empty()) return fail(Errc::kBadExtension);
  return about;
}

Result<ReleaseEntry> read_release(Reader& in) noexcept {
  SINEW_TRY(wire::read_tuple_header_of(in, 2));
  SINEW_ASSIGN(const object::ObjectIdView id, read_object_id(in));
  SINEW_ASSIGN(const std::int64_t count, wire::read_int(in));
  if (count < 1) return fail(Errc::kBadExtension);
  return ReleaseEntry{.id = id, .count = static_cast<std::uint64_t>(count)};
}

void write_offer(Writer& out, wire::Family family, std::int64_t seq, const ExtensionSet& offer) {
  const std::size_t start = wire::begin_frame(out);
  wire::begin_message(out, family, wire::MessageKind::kRequest, seq);
  wire::write_tuple_header(out, 2);
  wire::write_int(out, static_cast<std::int64_t>(Handler::kPing));
  write_label(out, Label::kValue);
  wire::write_tuple_header(out, 1);
  write_list(out, kOfferMark, offer);
  static_cast<void>(wire::end_frame(out, start));  // far below the largest frame
}

void write_acceptance(Writer& out, wire::Family family, std::int64_t seq,
                      const ExtensionSet& accepted) {
  const std::size_t start = wire::begin_frame(out);
  wire::begin_message(out, family, wire::MessageKind::kReply, seq);
  write_label(out, Label::kValue);
  write_list(out, kAcceptanceMark, accepted);
  static_cast<void>(wire::end_frame(out, start));
}

Result<std::optional<ExtensionSet>> read_offer(ByteView body) noexcept {
  Reader in(body);
  if (!wire::read_tuple_header_of(in, 2) || !wire::next_is_int(in)) return std::nullopt;
  if (wire::read_int(in) != static_cast<std::int64_t>(Handler::kPing)) return std::nullopt;
  if (read_label(in) != Label::kValue || !wire::read_tuple_header_of(in, 1)) return std::nullopt;
  if (!wire::next_is_bytes(in)) return std::nullopt;
  const auto data = wire::read_bytes(in);
  if (!data || !as_text(*data).starts_with(kOfferMark)) return std::nullopt;
  return read_list(data->subspan(kOfferMark.size()), /*known_only=*/false);
}

Result<std::optional<ExtensionSet>> read_acceptance(ByteView body) noexcept {
  Reader in(body);
  if (read_label(in) != Label::kValue || !wire::next_is_bytes(in)) return std::nullopt;
  const auto data = wire::read_bytes(in);
  if (!data || !as_text(*data).starts_with(kAcceptanceMark)) return std::nullopt;
  return read_list(data->subspan(kAcceptanceMark.size()), /*known_only=*/true);
}

}  // namespace sinew::dialect::rpyc
