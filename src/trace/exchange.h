#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "trace/cutter.h"
#include "wire/dump.h"

namespace sinew::trace {

using WallTime = std::chrono::system_clock::time_point;

/// What happened on a connection, in words.
struct Event {
  enum class Kind : std::uint8_t { kOpened, kMessage, kToken, kRaw, kClosed };

  Kind kind = Kind::kMessage;
  WallTime time;
  std::uint64_t connection = 0;  ///< counted from 1
  Side from = Side::kClient;     ///< who has sent it, or closed
  std::size_t size = 0;          ///< bytes on the wire
  bool is_compressed = false;
  std::optional<wire::MessageText> message;  ///< kMessage, if it is one
  std::string text;  ///< in all cases; of bytes that are no message, hex and why

  /// kMessage: an answer's time since its request, which had this handler.
  std::optional<std::chrono::nanoseconds> took;
  std::string answers;
};

/// What was seen, in numbers.
struct Statistics {
  struct Direction {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };
  struct Calls {
    std::uint64_t count = 0;
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
    std::chrono::nanoseconds total{};  ///< of those that were answered
    std::chrono::nanoseconds longest{};
  };

  std::uint64_t connections = 0;
  Direction from_client;
  Direction from_server;
  std::map<std::string, Calls> calls;  ///< by handler; at most kMostHandlers, others as "other"

  static constexpr std::size_t kMostHandlers = 100;
};

/// The messages of one connection: turns pieces into events, and answers requests' questions with
/// how long they took.
///
/// threads: one.
class Exchange {
 public:
  /// Values are shortened to `longest` characters. What is counted goes to `statistics`, which
  /// lives longer.
  Exchange(std::uint64_t number, std::size_t longest, Statistics& statistics);

  Event read(Side from, const Piece& piece, WallTime time);

  /// More requests than these without an answer are not remembered.
  static constexpr std::size_t kMostOpen = 100'000;

 private:
  struct Asked {
    WallTime time;
    std::string handler;
  };
  using Open = std::unordered_map<std::int64_t, Asked>;

  void read_frame(Event& event, const Piece& piece);
  void note_message(Event& event);
  void note_answer(Event& event, Open& open);
  Statistics::Calls& calls_of(const std::string& handler);

  const std::uint64_t number_;
  const std::size_t longest_;
  Statistics& statistics_;
  Open asked_by_client_;
  Open asked_by_server_;
};

/// The bytes in hex, sixteen a group: "16 03 01 .. (517 bytes)" if `size` is more than those.
std::string hex_text(ByteView bytes, std::size_t size);

}  // namespace sinew::trace
