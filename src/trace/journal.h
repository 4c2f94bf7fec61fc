#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "base/parker.h"
#include "trace/exchange.h"

namespace sinew::trace {

/// What the threads of a relay tell the one that prints, in the order in which it happened. Whoever
/// tells never waits: when the reader is slow, pieces beyond `most_bytes` are dropped and counted.
///
/// threads: add() and close() any; take() one.
class Journal {
 public:
  struct Entry {
    enum class Kind : std::uint8_t { kOpened, kPiece, kEnded, kRefused };

    Kind kind = Kind::kPiece;
    std::uint64_t connection = 0;
    Side from = Side::kClient;
    WallTime time;
    Piece piece = {};       ///< kPiece
    std::string text = {};  ///< kOpened: the two ends; kRefused: why there is no connection
  };

  explicit Journal(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  void add(Entry entry);

  /// Nothing more will be added.
  void close() noexcept;

  /// Waits. Nothing: closed, and all was taken.
  std::optional<Entry> take();

  std::uint64_t dropped() const;

 private:
  const std::size_t most_bytes_;
  mutable std::mutex mutex_;
  std::deque<Entry> entries_;  // guarded by mutex_
  std::size_t bytes_ = 0;      // guarded by mutex_: of the pieces in it
  std::uint64_t dropped_ = 0;  // guarded by mutex_
  bool closed_ = false;        // guarded by mutex_
  Parker reader_;
};

}  // namespace sinew::trace
