#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sinew::trace {

/// Which end of a connection has sent something.
enum class Side : std::uint8_t { kClient, kServer };

/// Something whole that one side has sent.
struct Piece {
  enum class Kind : std::uint8_t {
    kFrame,    ///< a frame of RPyC's, header to flusher
    kTooLong,  ///< the beginning of a frame of which no more is kept
    kToken,    ///< a step of the handshake with tokens (docs/protocols/tokens.md)
    kRaw,      ///< bytes that cannot be cut; what comes later cannot either
    kRest,     ///< what was left of something when the stream ended
  };

  Kind kind = Kind::kFrame;
  std::size_t size = 0;             ///< as sent
  std::vector<std::uint8_t> bytes;  ///< what was kept of it
  std::string_view why;             ///< kRaw: why, at the first; kToken: which step
};

/// Cuts what one side sends into pieces, as it comes. Takes any bytes.
///
/// threads: one.
class Cutter {
 public:
  using Found = std::function<void(Piece&& piece)>;

  /// Of a frame longer than `most_kept`, the beginning is kept; so it is of raw bytes.
  explicit Cutter(Side side, std::size_t most_kept);

  /// Calls `found` for each piece that ends in these bytes.
  void feed(ByteView bytes, const Found& found);

  /// The stream has ended.
  void end(const Found& found);

 private:
  struct Next {
    Piece::Kind kind;
    std::size_t size;  ///< 0: that is not known yet
    std::string_view why = {};
  };

  Next next() const noexcept;
  Next frame() const noexcept;
  Piece take(const Next& next, std::size_t kept);
  void cut(const Found& found);
  std::size_t needed() const noexcept;

  const Side side_;
  const std::size_t most_kept_;
  std::vector<std::uint8_t> waiting_;  // the beginning of the next piece
  std::size_t skipped_ = 0;            // bytes of it that came and were not kept
  std::size_t steps_ = 0;              // of a handshake, so far
  bool has_begun_ = false;             // a frame of RPyC's was seen
  bool is_raw_ = false;
};

}  // namespace sinew::trace
