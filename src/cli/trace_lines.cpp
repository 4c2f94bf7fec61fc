#include "cli/trace_lines.h"

#include <algorithm>
#include <cctype>
#include <ctime>
#include <string_view>

#include <fmt/format.h>

#include "cli/json.h"
#include "cli/samples.h"

namespace sinew::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using trace::Event;
using trace::Side;
using Style = Terminal::Style;

std::string clock_text(trace::WallTime time) {
  const auto since = duration_cast<microseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = since / 1'000'000;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return fmt::format("{:02}:{:02}:{:02}.{:06}", parts.tm_hour, parts.tm_min, parts.tm_sec,
                     since % 1'000'000);
}

std::string_view word_of(Event::Kind kind) noexcept {
  switch (kind) {
    case Event::Kind::kOpened: return "opened";
    case Event::Kind::kMessage: return "message";
    case Event::Kind::kToken: return "token";
    case Event::Kind::kRaw: return "raw";
    case Event::Kind::kClosed: return "closed";
  }
  return "";
}

std::string lower(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return made;
}

// Of the kind, on the line: a column of ten.
std::string kind_text(const Event& event, const Terminal& terminal) {
  if (!event.message) {
    const bool is_message = event.kind == Event::Kind::kMessage;
    return terminal.styled(
        event.kind == Event::Kind::kRaw || is_message ? Style::kBad : Style::kDim,
        fmt::format("{:<10}", is_message ? "?" : word_of(event.kind)));
  }
  Style style = Style::kPlain;
  switch (event.message->kind) {
    case wire::MessageKind::kRequest: style = Style::kName; break;
    case wire::MessageKind::kReply: style = Style::kGood; break;
    case wire::MessageKind::kException: style = Style::kBad; break;
    case wire::MessageKind::kExtension: style = Style::kDim; break;
  }
  return terminal.styled(style, fmt::format("{:<10}", wire::name_of(event.message->kind)));
}

double microseconds_of(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

}  // namespace

std::string trace_line(const Event& event, const Terminal& terminal) {
  std::string line = fmt::format(
      "{} {:>2} {} {}", terminal.styled(Style::kDim, clock_text(event.time)), event.connection,
      event.from == Side::kClient ? "->" : "<-", kind_text(event, terminal));
  if (event.message) {
    const bool is_extension = event.message->kind == wire::MessageKind::kExtension;
    line += fmt::format("{}={} ", is_extension ? "number" : "seq", event.message->seq);
    if (event.message->threads) {
      line += fmt::format("threads={:#x}->{:#x} ", event.message->threads->sender,
                          event.message->threads->recipient);
    }
  }
  line += " " + terminal.shown(event.text);
  if (event.took) {
    line += terminal.styled(Style::kDim,
                            fmt::format("  [{}, {}]", event.answers, duration_text(*event.took)));
  }
  return line;
}

std::string trace_json(const Event& event) {
  const auto since = duration_cast<microseconds>(event.time.time_since_epoch()).count();
  std::string line =
      fmt::format(R"({{"time": {}.{:06}, "connection": {}, "from": "{}", "event": "{}")",
                  since / 1'000'000, since % 1'000'000, event.connection,
                  event.from == Side::kClient ? "client" : "server", word_of(event.kind));
  if (event.size != 0) line += fmt::format(R"(, "bytes": {})", event.size);
  if (event.is_compressed) line += R"(, "compressed": true)";
  if (const auto& message = event.message) {
    line += fmt::format(R"(, "family": "{}", "kind": "{}", "seq": {})",
                        message->family == wire::Family::kB ? "B" : "C",
                        lower(wire::name_of(message->kind)), message->seq);
    if (!message->handler.empty()) line += R"(, "handler": )" + json_text(message->handler);
    if (message->threads) {
      line += fmt::format(R"(, "threads": [{}, {}])", message->threads->sender,
                          message->threads->recipient);
    }
  }
  line += R"(, "text": )" + json_text(event.text);
  if (event.took) {
    line += fmt::format(R"(, "answers": {}, "us": {:.1f})", json_text(event.answers),
                        microseconds_of(*event.took));
  }
  return line + "}";
}

std::string statistics_text(const trace::Statistics& statistics, std::uint64_t dropped) {
  std::string text = fmt::format(
      "connections {}\n"
      "client -> server  {:>9} messages {:>14} bytes\n"
      "server -> client  {:>9} messages {:>14} bytes\n",
      statistics.connections, statistics.from_client.messages, statistics.from_client.bytes,
      statistics.from_server.messages, statistics.from_server.bytes);
  if (dropped != 0) text += fmt::format("not shown, because printing was too slow: {}\n", dropped);
  if (statistics.calls.empty()) return text;
  text += fmt::format("{:<15} {:>9} {:>9} {:>9} {:>12} {:>12}\n", "request", "count", "answered",
                      "failed", "mean", "longest");
  for (const auto& [handler, calls] : statistics.calls) {
    const auto mean = calls.answered == 0 ? std::chrono::nanoseconds{}
                                          : calls.total / static_cast<std::int64_t>(calls.answered);
    text += fmt::format("{:<15} {:>9} {:>9} {:>9} {:>12} {:>12}\n",
                        without_controls(handler, false), calls.count, calls.answered, calls.failed,
                        duration_text(mean), duration_text(calls.longest));
  }
  return text;
}

std::string statistics_json(const trace::Statistics& statistics, std::uint64_t dropped) {
  const auto direction = [](const trace::Statistics::Direction& one) {
    return fmt::format(R"({{"messages": {}, "bytes": {}}})", one.messages, one.bytes);
  };
  std::string requests;
  for (const auto& [handler, calls] : statistics.calls) {
    requests += fmt::format(
        R"({}{}: {{"count": {}, "answered": {}, "failed": {}, "total_us": {:.1f}, "longest_us": {:.1f}}})",
        requests.empty() ? "" : ", ", json_text(handler), calls.count, calls.answered, calls.failed,
        microseconds_of(calls.total), microseconds_of(calls.longest));
  }
  return fmt::format(
      R"({{"event": "statistics", "connections": {}, "from_client": {}, "from_server": {}, "dropped": {}, "requests": {{{}}}}})",
      statistics.connections, direction(statistics.from_client), direction(statistics.from_server),
      dropped, requests);
}

}  // namespace sinew::cli
