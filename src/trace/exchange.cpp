#include "trace/exchange.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "wire/compress.h"
#include "wire/rpyc_frame.h"

namespace sinew::trace {
namespace {

constexpr std::size_t kMostInflated = std::size_t{64} << 20;
constexpr std::size_t kHexShown = 64;

}  // namespace

std::string hex_text(ByteView bytes, std::size_t size) {
  const ByteView shown = bytes.first(std::min(bytes.size(), kHexShown));
  std::string text = fmt::format("{:02x}", fmt::join(shown, " "));
  if (size > shown.size()) text += fmt::format(" .. ({} bytes)", size);
  return text;
}

Exchange::Exchange(std::uint64_t number, std::size_t longest, Statistics& statistics)
    : number_(number), longest_(longest), statistics_(statistics) {
  ++statistics_.connections;
}

Event Exchange::read(Side from, const Piece& piece, WallTime time) {
  Event event;
  event.time = time;
  event.connection = number_;
  event.from = from;
  event.size = piece.size;
  auto& direction = from == Side::kClient ? statistics_.from_client : statistics_.from_server;
  direction.bytes += piece.size;
  switch (piece.kind) {
    case Piece::Kind::kFrame:
    case Piece::Kind::kTooLong:
      ++direction.messages;
      read_frame(event, piece);
      break;
    case Piece::Kind::kToken:
      event.kind = Event::Kind::kToken;
      event.text = fmt::format("token handshake: {}", piece.why);
      break;
    case Piece::Kind::kRaw:
    case Piece::Kind::kRest:
      event.kind = Event::Kind::kRaw;
      event.text = hex_text(piece.bytes, piece.size);
      if (!piece.why.empty()) event.text += fmt::format(" <{}>", piece.why);
      if (piece.kind == Piece::Kind::kRest) event.text += " <the stream ended in the middle of it>";
  }
  return event;
}

void Exchange::read_frame(Event& event, const Piece& piece) {
  const ByteView bytes = piece.bytes;
  event.is_compressed = bytes[4] != 0;
  if (piece.kind == Piece::Kind::kTooLong) {
    event.text = hex_text(bytes, piece.size) + " <too long to be shown>";
    return;
  }
  ByteView payload = bytes.subspan(wire::kFrameHeaderSize,
                                   bytes.size() - wire::kFrameHeaderSize - wire::kFlusherSize);
  Result<std::vector<std::uint8_t>> plain;
  if (event.is_compressed) {
    plain = wire::inflate(payload, kMostInflated);
    if (!plain) {
      event.text = fmt::format("{} <{}>", hex_text(bytes, piece.size), describe(plain.error()));
      return;
    }
    payload = *plain;
  }
  auto message = wire::describe_payload(payload, longest_);
  if (!message) {
    event.text = fmt::format("{} <{}>", hex_text(bytes, piece.size), describe(message.error()));
    return;
  }
  event.text = message->body;
  event.message = *std::move(message);
  note_message(event);
}

Statistics::Calls& Exchange::calls_of(const std::string& handler) {
  const auto found = statistics_.calls.find(handler);
  if (found != statistics_.calls.end()) return found->second;
  const bool full = statistics_.calls.size() >= Statistics::kMostHandlers;
  return statistics_.calls[full ? "other" : handler];
}

// An answer goes the other way than its request.
void Exchange::note_message(Event& event) {
  const bool by_client = event.from == Side::kClient;
  const wire::MessageText& message = *event.message;
  if (message.kind == wire::MessageKind::kRequest) {
    ++calls_of(message.handler).count;
    Open& open = by_client ? asked_by_client_ : asked_by_server_;
    if (open.size() < kMostOpen) open[message.seq] = {event.time, message.handler};
  } else if (message.kind != wire::MessageKind::kExtension) {
    note_answer(event, by_client ? asked_by_server_ : asked_by_client_);
  }
}

void Exchange::note_answer(Event& event, Open& open) {
  const auto asked = open.find(event.message->seq);
  if (asked == open.end()) return;
  event.took = event.time - asked->second.time;
  event.answers = asked->second.handler;
  open.erase(asked);
  Statistics::Calls& calls = calls_of(event.answers);
  ++calls.answered;
  if (event.message->kind == wire::MessageKind::kException) ++calls.failed;
  calls.total += *event.took;
  calls.longest = std::max(calls.longest, *event.took);
}

}  // namespace sinew::trace
