#include <chrono>
#include <cmath>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "api/peer.h"
#include "api/question.h"
#include "cli/command.h"
#include "cli/connecting.h"
#include "cli/evaluator.h"
#include "cli/exit_codes.h"
#include "cli/mapping.h"
#include "cli/samples.h"
#include "cli/terminal.h"

namespace sinew::cli {
namespace {

using std::chrono::steady_clock;

struct Said {
  Target target;
  std::string method;
  std::vector<std::string> words;
  double seconds = 1;
  std::size_t in_flight = 64;
  std::size_t size = std::size_t{1} << 20;
  bool as_json = false;
};

std::shared_ptr<detail::Peer> peer_of(const Peer& peer) {
  const detail::Import* const root = detail::import_of(peer.root.value());
  if (root == nullptr) throw MissingError("the server's root is a plain value: nothing to measure");
  return root->peer;
}

// What is measured: a call of a method, or a ping.
class Work {
 public:
  Work(Peer& peer, const Said& said) : peer_(peer_of(peer)), verb_(detail::Verb::kPing) {
    if (said.method.empty()) {
      arguments_.positional.emplace_back("sinew");
      return;
    }
    Evaluator evaluator(peer);
    const Node function = parse_expression(said.method);
    arguments_ = evaluator.arguments_of(said.words);
    target_ = evaluator.evaluate(function).value();
    verb_ = detail::Verb::kCall;
  }

  void run() const {
    verb_ == detail::Verb::kPing ? detail::ask_peer(*peer_, request())
                                 : detail::ask(target_, request());
  }
  std::shared_ptr<detail::Pending> start() const {
    if (verb_ == detail::Verb::kCall) return detail::start(target_, request());
    return detail::AsyncQuestion::start(peer_, nullptr, request());
  }

 private:
  detail::Request request() const {
    named_.clear();
    for (std::size_t i = 0; i < arguments_.named.size(); ++i) {
      named_.push_back({arguments_.names[i], arguments_.named[i]});
    }
    return {.verb = verb_, .positional = arguments_.positional, .named = named_};
  }

  const std::shared_ptr<detail::Peer> peer_;
  Value target_;
  detail::Verb verb_;
  CallArguments arguments_;
  mutable std::vector<NamedArgument> named_;
};

struct Rate {
  std::size_t count = 0;
  double seconds = 0;
  double per_second() const noexcept {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
  }
};

double seconds_since(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

Samples one_after_the_other(const Work& work, double seconds) {
  Samples samples;
  const auto begin = steady_clock::now();
  do {
    const auto start = steady_clock::now();
    work.run();
    samples.add(steady_clock::now() - start);
  } while (seconds_since(begin) < seconds);
  return samples;
}

Rate many_at_once(const Work& work, std::size_t in_flight, double seconds) {
  Rate rate;
  std::deque<std::shared_ptr<detail::Pending>> pending;
  const auto begin = steady_clock::now();
  while (seconds_since(begin) < seconds) {
    while (pending.size() < in_flight) pending.push_back(work.start());
    pending.front()->result();
    pending.pop_front();
    ++rate.count;
  }
  for (const auto& left : pending) left->result();
  rate.count += pending.size();
  rate.seconds = seconds_since(begin);
  return rate;
}

// Bytes there and the same back, which is what a ping with them is.
Rate bytes_each_way(const Peer& peer, std::size_t size, double seconds) {
  const std::vector<std::uint8_t> content(size, 0x5A);
  const Value data = Value::bytes(content);
  const detail::Request request{.verb = detail::Verb::kPing, .positional = {&data, 1}};
  const std::shared_ptr<detail::Peer> asked = peer_of(peer);
  Rate rate;
  const auto begin = steady_clock::now();
  do {
    detail::ask_peer(*asked, request);
    rate.count += size;
  } while (seconds_since(begin) < seconds);
  rate.seconds = seconds_since(begin);
  return rate;
}

void check(const Said& said) {
  if (!std::isfinite(said.seconds) || said.seconds <= 0 || said.seconds > 600) {
    throw UsageError(fmt::format("--seconds: {} is not between 0 and 600", said.seconds));
  }
  if (said.in_flight < 1 || said.in_flight > 100'000) {
    throw UsageError(fmt::format("--in-flight: {} is not between 1 and 100000", said.in_flight));
  }
  if (said.size < 1 || said.size > (std::size_t{256} << 20)) {
    throw UsageError(fmt::format("--size: {} is not between 1 and 256 MiB", said.size));
  }
  for (const std::string& word : said.words) parse_word(word);
}

int bench(const Said& said, Terminal& terminal) {
  check(said);
  define_mapping();
  Peer peer = open(said.target);
  const Work work(peer, said);
  terminal.status("one after the other ...");
  const Samples samples = one_after_the_other(work, said.seconds);
  double total = 0;
  total =
      std::chrono::duration<double>(samples.mean()).count() * static_cast<double>(samples.size());
  const double calls = static_cast<double>(samples.size()) / total;
  terminal.status(fmt::format("{} in flight ...", said.in_flight));
  const Rate many = many_at_once(work, said.in_flight, said.seconds);
  Rate bytes;
  if (said.method.empty()) {
    terminal.status("bytes ...");
    bytes = bytes_each_way(peer, said.size, said.seconds);
  }
  terminal.status({});
  const char* const what = said.method.empty() ? "pings" : "calls";
  if (said.as_json) {
    terminal.line(
        fmt::format(R"({{"what": "{}", "per_second": {:.1f}, "round_trip": {}, "in_flight": {}, )"
                    R"("in_flight_per_second": {:.1f}, "bytes_per_second_each_way": {}}})",
                    what, calls, samples.json(), said.in_flight, many.per_second(),
                    said.method.empty() ? fmt::format("{:.0f}", bytes.per_second()) : "null"));
    return 0;
  }
  terminal.line(
      fmt::format("one after the other  {:>10.0f} {}/s   {}", calls, what, summary(samples)));
  terminal.line(fmt::format("{:<20} {:>10.0f} {}/s   {} each",
                            fmt::format("{} in flight", said.in_flight), many.per_second(), what,
                            duration_text(std::chrono::nanoseconds(static_cast<std::int64_t>(
                                1e9 / std::max(many.per_second(), 1e-3))))));
  if (said.method.empty()) {
    terminal.line(fmt::format("bytes each way       {:>10.1f} MB/s      in pieces of {} bytes",
                              bytes.per_second() / 1e6, said.size));
  }
  return 0;
}

}  // namespace

Run define_bench(CLI::App& app) {
  auto said = std::make_shared<Said>();
  add_target(app, said->target);
  app.add_option("METHOD", said->method, "What to call; without it, pings");
  app.add_option("ARGS", said->words, "Its arguments, as for `sinew call`")->type_name("");
  app.add_option("--seconds", said->seconds, "How long each of the measurements takes")
      ->capture_default_str();
  app.add_option("--in-flight", said->in_flight, "How many calls are under way at once")
      ->capture_default_str();
  app.add_option("--size", said->size, "Bytes of a piece, without METHOD")->capture_default_str();
  app.add_flag("--json", said->as_json, "Print the figures as a line of JSON");
  app.footer(
      R"(Measures calls one after the other, with many under way on the same connection, and how many bytes
get through there and back at once. It keeps the server busy: not for one that others need.

examples:
  sinew bench lab-7
  sinew bench lab-7:18861 sample 1000
  sinew bench unix:///run/lab.sock --seconds 5 --json)");
  return [said](Terminal& terminal) { return bench(*said, terminal); };
}

}  // namespace sinew::cli
