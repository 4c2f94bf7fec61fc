#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/connecting.h"
#include "cli/evaluator.h"
#include "cli/exit_codes.h"
#include "cli/mapping.h"
#include "cli/printing.h"

namespace sinew::cli {
namespace {

struct Said {
  Target target;
  std::string name;
  std::string word;
  bool as_json = false;
};

int get(const Said& said, Terminal& terminal) {
  const Node wanted = parse_expression(said.name);
  Peer peer = open(said.target);
  print_result(terminal, Evaluator(peer).evaluate(wanted), said.as_json);
  return 0;
}

int set(const Said& said) {
  const Node target = parse_expression(said.name);
  if (target.kind != Node::Kind::kName && target.kind != Node::Kind::kAttribute &&
      target.kind != Node::Kind::kItem) {
    throw UsageError(fmt::format("{} cannot be set: name an attribute or an item", said.name));
  }
  parse_word(said.word);
  define_mapping();
  Peer peer = open(said.target);
  Evaluator evaluator(peer);
  const Value value = evaluator.arguments_of({&said.word, 1}).positional.at(0);
  if (target.kind == Node::Kind::kItem) {
    evaluator.evaluate(target.parts[0]).set_item(evaluator.evaluate(target.parts[1]), value);
  } else if (target.kind == Node::Kind::kAttribute) {
    evaluator.evaluate(target.parts[0]).set(target.name, value);
  } else {
    peer.root.set(target.name, value);
  }
  return 0;
}

void add_name(CLI::App& app, Said& said) {
  add_target(app, said.target);
  app.add_option("NAME", said.name, "sys.path, scope.rate, channel(1).offset, table['key']")
      ->required();
}

}  // namespace

Run define_get(CLI::App& app) {
  auto said = std::make_shared<Said>();
  add_name(app, *said);
  app.add_flag("--json", said->as_json, "Print it as a line of JSON");
  app.footer(
      R"(NAME is an attribute, of the root of a service or of a module of a classic server; calls and items
may stand in front of it. Text is printed as it is, everything else as Python writes it.

examples:
  sinew get lab-7 sys.version
  sinew get lab-7 sys.path --json
  sinew get lab-7:18861 'channel(1).offset')");
  return [said](Terminal& terminal) { return get(*said, terminal); };
}

Run define_set(CLI::App& app) {
  auto said = std::make_shared<Said>();
  add_name(app, *said);
  app.add_option("VALUE", said->word, "A Python literal, or else text")->required();
  app.footer(
      R"(Most services let nobody change their attributes; a C++ service lets its properties be changed.

examples:
  sinew set lab-7:18861 rate 2.5
  sinew set lab-7 "os.environ['LAMP']" red)");
  return [said](Terminal&) { return set(*said); };
}

}  // namespace sinew::cli
