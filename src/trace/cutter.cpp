#include "trace/cutter.h"

#include <algorithm>
#include <utility>

#include "base/endian.h"
#include "wire/rpyc_frame.h"
#include "wire/rpyc_message.h"

namespace sinew::trace {
namespace {

using wire::kFrameHeaderSize;

// To tell a message by: the longest header has 16 bytes of threads in front of it.
constexpr std::size_t kTelling = 64;
constexpr std::size_t kBeginning = 256;  // kept of what cannot be read as a whole
constexpr std::size_t kThreads = 16;
constexpr std::uint8_t kZlib = 0x78;

// docs/protocols/tokens.md
constexpr std::string_view kHello("\0\0\0\x2d\0SINEW-TOKEN 1", 18);
constexpr std::string_view kToken = "SINEW-TOKEN 1";
constexpr std::string_view kRefused = "SINEW-REFUSED ";
constexpr std::size_t kHelloSize = 51;
constexpr std::size_t kProofSize = 32;
constexpr std::size_t kAnswerSize = 46;
constexpr std::size_t kMostRefused = 256;

/// Whether `bytes` begin with `text`, as far as they go.
bool may_be(ByteView bytes, std::string_view text) noexcept {
  const std::size_t count = std::min(bytes.size(), text.size());
  return std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count),
                    as_bytes(text).begin());
}

bool is_message(ByteView start) noexcept {
  const auto message = wire::parse_message(start);
  return message || message.error() == Errc::kTruncated;
}

/// Why a payload that begins like this is none of RPyC's; empty: it may be one.
std::string_view doubt(ByteView start, std::uint8_t compressed) noexcept {
  if (start.empty()) return {};
  if (compressed == 1) return start[0] == kZlib ? "" : "a compressed payload is no zlib stream";
  if (is_message(start)) return {};
  if (start[0] != 0) return "a payload is no message of RPyC's";
  return start.size() <= kThreads || is_message(start.subspan(kThreads))
             ? ""
             : "a payload is no message of RPyC's";
}

}  // namespace

Cutter::Cutter(Side side, std::size_t most_kept)
    : side_(side), most_kept_(std::max(most_kept, kTelling)) {}

Cutter::Next Cutter::frame() const noexcept {
  if (waiting_.size() < kFrameHeaderSize) return {Piece::Kind::kFrame, 0};
  const std::size_t length = load_be32(waiting_.data());
  const ByteView start = ByteView(waiting_).subspan(kFrameHeaderSize);
  const std::size_t telling = std::min({start.size(), length, kTelling});
  if (waiting_[4] > 1) {
    return {Piece::Kind::kRaw, 0, "the flag for compression is neither 0 nor 1"};
  }
  // The first one decides whether this is RPyC; a strange one among others is only that.
  const std::string_view why = has_begun_    ? ""
                               : length == 0 ? "a frame is empty"
                                             : doubt(start.first(telling), waiting_[4]);
  if (!why.empty()) return {Piece::Kind::kRaw, 0, why};
  const std::size_t size = kFrameHeaderSize + length + wire::kFlusherSize;
  return {size > most_kept_ ? Piece::Kind::kTooLong : Piece::Kind::kFrame, size};
}

// What begins here, and how long it is.
Cutter::Next Cutter::next() const noexcept {
  if (has_begun_) return frame();
  const ByteView bytes = waiting_;
  if (side_ == Side::kClient) {
    if (steps_ == 0 && bytes.size() > 5 && may_be(bytes, kHello)) {
      return {Piece::Kind::kToken, kHelloSize, "hello"};
    }
    if (steps_ == 1) return {Piece::Kind::kToken, kProofSize, "proof"};
    return frame();
  }
  if (may_be(bytes, kToken)) {
    return {Piece::Kind::kToken, kAnswerSize, steps_ == 0 ? "challenge" : "proof"};
  }
  if (!may_be(bytes, kRefused)) return frame();
  const auto line = std::find(bytes.begin(), bytes.end(), std::uint8_t{'\n'});
  if (line != bytes.end()) {
    return {Piece::Kind::kToken, static_cast<std::size_t>(line - bytes.begin()) + 1, "refusal"};
  }
  if (bytes.size() > kMostRefused) return {Piece::Kind::kRaw, 0, "a refusal without an end"};
  return {Piece::Kind::kToken, 0};
}

// The beginning of what waits, as a piece.
Piece Cutter::take(const Next& next, std::size_t kept) {
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kept));
  return {.kind = next.kind, .size = next.size, .bytes = {waiting_.begin(), end}, .why = next.why};
}

// All pieces that are whole by now.
void Cutter::cut(const Found& found) {
  while (!waiting_.empty()) {
    Next now = next();
    const std::size_t has = waiting_.size() + skipped_;
    if (now.kind == Piece::Kind::kRaw) {
      is_raw_ = true;
      now.size = has;
      Piece piece = take(now, kBeginning);
      waiting_ = {};
      return found(std::move(piece));
    }
    if (now.size == 0 || has < now.size) return;
    Piece piece = take(now, now.kind == Piece::Kind::kTooLong ? kBeginning : now.size);
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(
                                                            std::min(waiting_.size(), now.size)));
    skipped_ = 0;
    now.kind == Piece::Kind::kToken ? void(++steps_) : void(has_begun_ = true);
    found(std::move(piece));
  }
}

// How many bytes the piece that has begun certainly still needs: no more are copied at once, so
// that little is moved when it is cut off.
std::size_t Cutter::needed() const noexcept {
  const std::size_t has = waiting_.size() + skipped_;
  const std::size_t size = std::max(next().size, kFrameHeaderSize);
  return size > has ? size - has : 1;
}

void Cutter::feed(ByteView bytes, const Found& found) {
  while (!bytes.empty() && !is_raw_) {
    const ByteView some = bytes.first(std::min(bytes.size(), needed()));
    const std::size_t room = most_kept_ - std::min(waiting_.size(), most_kept_);
    const ByteView kept = some.first(std::min(some.size(), room));
    waiting_.insert(waiting_.end(), kept.begin(), kept.end());
    skipped_ += some.size() - kept.size();
    bytes = bytes.subspan(some.size());
    cut(found);
  }
  if (bytes.empty()) return;
  const ByteView shown = bytes.first(std::min(bytes.size(), kBeginning));
  found({.kind = Piece::Kind::kRaw,
         .size = bytes.size(),
         .bytes = {shown.begin(), shown.end()},
         .why = {}});
}

void Cutter::end(const Found& found) {
  if (waiting_.empty()) return;
  found({.kind = Piece::Kind::kRest,
         .size = waiting_.size() + skipped_,
         .bytes = std::exchange(waiting_, {}),
         .why = {}});
}

}  // namespace sinew::trace
