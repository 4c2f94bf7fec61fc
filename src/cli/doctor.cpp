#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/checks.h"
#include "cli/command.h"
#include "cli/connecting.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "cli/terminal.h"
#include "naming/uri.h"

namespace sinew::cli {
namespace {

struct Said {
  Target target;
  bool as_json = false;
};

void print_check(const Check& check, Terminal& terminal) {
  using Style = Terminal::Style;
  const std::string mark =
      check.is_good ? terminal.styled(Style::kGood, "ok  ") : terminal.styled(Style::kBad, "FAIL");
  terminal.line(
      fmt::format("{}  {:<10} {}", mark, check.what, without_controls(check.found, false)));
  if (!check.advice.empty()) {
    terminal.line(fmt::format("      {:<10} {}", "", terminal.styled(Style::kBold, check.advice)));
  }
}

int examine(const Said& said, Terminal& terminal) {
  const Options options = said.target.checked();
  const naming::Uri uri = naming::parse_uri(said.target.uri);
  std::string rows;
  bool is_good = true;
  const auto tell = [&](const Check& check) {
    is_good = is_good && check.is_good;
    if (!said.as_json) return print_check(check, terminal);
    rows += fmt::format(R"({}{{"check": {}, "ok": {}, "found": {}, "advice": {}}})",
                        rows.empty() ? "" : ", ", json_text(check.what), check.is_good,
                        json_text(check.found), json_text(check.advice));
  };
  check_place(uri, options, tell) && check_tls(uri, options, tell) &&
      check_protocol(said.target, tell);
  if (said.as_json) {
    terminal.line(fmt::format(R"({{"uri": {}, "ok": {}, "checks": [{}]}})",
                              json_text(said.target.uri), is_good, rows));
  }
  return static_cast<int>(is_good ? Exit::kOk : Exit::kRemote);
}

}  // namespace

Run define_doctor(CLI::App& app) {
  auto said = std::make_shared<Said>();
  add_target(app, said->target);
  app.add_flag("--json", said->as_json, "Print what was found as a line of JSON");
  app.footer(
      R"(Goes the way that a call goes and says how far it gets: the name, the port, TLS and its certificates,
the protocol, who answers, how fast. Where it fails it says what to do. Ends with 1 if anything failed.

examples:
  sinew doctor lab-7
  sinew doctor tls://lab-7 --cafile lab.pem)");
  return [said](Terminal& terminal) { return examine(*said, terminal); };
}

}  // namespace sinew::cli
