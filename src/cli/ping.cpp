#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/guarded.h"
#include "cli/command.h"
#include "cli/connecting.h"
#include "cli/exit_codes.h"
#include "cli/interrupts.h"
#include "cli/samples.h"
#include "cli/terminal.h"

namespace sinew::cli {
namespace {

using std::chrono::steady_clock;

struct Said {
  Target target;
  std::size_t count = 20;
  double interval = 0.1;
  bool as_json = false;
};

std::string bar(std::size_t count, std::size_t largest) {
  constexpr std::size_t kWidth = 40;
  const std::size_t length = (count * kWidth + largest - 1) / largest;
  return std::string(length, '#');
}

void print_histogram(const Samples& samples, Terminal& terminal) {
  const auto bins = samples.histogram();
  std::size_t largest = 1;
  for (const auto& bin : bins) largest = std::max(largest, bin.count);
  for (const auto& bin : bins) {
    terminal.line(fmt::format("{:>10} - {:<9} {:>6}  {}", duration_text(bin.from),
                              duration_text(bin.from * 2), bin.count,
                              terminal.styled(Terminal::Style::kName, bar(bin.count, largest))));
  }
}

void print_all(const Said& said, const Samples& samples, Terminal& terminal) {
  if (said.as_json) {
    std::string bins;
    for (const auto& bin : samples.histogram()) {
      bins += fmt::format(R"({}{{"from_us": {:.3f}, "count": {}}})", bins.empty() ? "" : ", ",
                          static_cast<double>(bin.from.count()) / 1000, bin.count);
    }
    const std::string all = samples.json();
    terminal.line(fmt::format(R"({}, "histogram": [{}]}})", all.substr(0, all.size() - 1), bins));
    return;
  }
  terminal.line(fmt::format("{} round trips: {}", samples.size(), summary(samples)));
  print_histogram(samples, terminal);
}

void measure(const Said& said, const Connection& connection, const Interrupts& interrupts,
             Samples& samples, Terminal& terminal) {
  const std::chrono::nanoseconds interval(static_cast<std::int64_t>(said.interval * 1e9));
  constexpr auto kStatus = std::chrono::milliseconds(100);
  steady_clock::time_point shown;
  for (std::size_t i = 0; said.count == 0 || i < said.count; ++i) {
    if (i != 0 && interrupts.wait(interval)) return;
    const auto begin = steady_clock::now();
    connection.ping();
    samples.add(steady_clock::now() - begin);
    // The figures are not for nothing: a status that nobody could read would slow it down.
    const auto now = steady_clock::now();
    if (!terminal.shows_progress() || (i != 0 && now - shown < kStatus)) continue;
    terminal.status(fmt::format("{}: {}", i + 1, summary(samples)));
    shown = now;
  }
}

int ping(const Said& said, Terminal& terminal) {
  if (!std::isfinite(said.interval) || said.interval < 0 || said.interval > 1e6) {
    throw UsageError(fmt::format("--interval: {} is no number of seconds", said.interval));
  }
  // Ctrl-C ends a ping that waits, and the figures so far are shown; earlier it ends the program.
  Guarded<std::optional<Connection>> used;
  const Interrupts interrupts([&used] {
    const auto connection = used.lock();
    if (!*connection) Interrupts::end_process();
    (*connection)->close();
  });
  Samples samples;
  Peer peer = open(said.target);
  *used.lock() = peer.connection;
  try {
    measure(said, peer.connection, interrupts, samples, terminal);
  } catch (const Error&) {
    if (!interrupts.interrupted()) throw;
  }
  terminal.status({});
  if (!samples.empty()) print_all(said, samples, terminal);
  terminal.flush();
  interrupts.end_if_interrupted();
  return 0;
}

}  // namespace

Run define_ping(CLI::App& app) {
  auto said = std::make_shared<Said>();
  add_target(app, said->target);
  app.add_option("-c,--count", said->count, "How many; 0: until Ctrl-C")->capture_default_str();
  app.add_option("-i,--interval", said->interval, "Seconds from one to the next")
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_flag("--json", said->as_json, "Print the figures as a line of JSON");
  app.footer(
      R"(A ping is a message there and back, which the server's interpreter answers: what the shortest call
costs. Ctrl-C ends it and shows the figures so far.

examples:
  sinew ping lab-7
  sinew ping lab-7 --count 10000 --interval 0
  sinew ping unix:///run/lab.sock --json)");
  return [said](Terminal& terminal) { return ping(*said, terminal); };
}

}  // namespace sinew::cli
