#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/connecting.h"
#include "cli/evaluator.h"
#include "cli/mapping.h"
#include "cli/printing.h"

namespace sinew::cli {
namespace {

struct Said {
  Target target;
  std::string method;
  std::vector<std::string> words;
  bool as_json = false;
};

int call(const Said& said, Terminal& terminal) {
  const Node function = parse_expression(said.method);
  // Before anything is sent: what is wrong with the words is said without a server.
  for (const std::string& word : said.words) parse_word(word);
  define_mapping();
  Peer peer = open(said.target);
  Evaluator evaluator(peer);
  const Object result = evaluator.call(function, evaluator.arguments_of(said.words));
  print_result(terminal, result, said.as_json);
  return 0;
}

constexpr const char* kFooter =
    R"(An argument is a Python literal (3, 2.5, 'text', [1, 2], {'a': 1}, None, True), or else text:
red is 'red'. NAME=VALUE is a named argument. What is text although it looks like a number is
quoted, for the shell as well: "'3'". Behind -- nothing is an option.

At a classic server METHOD is a function of a module, or a built-in one; at a service it is a
method of its root. Text is printed as it is, None not at all, everything else as Python writes it.

examples:
  sinew call lab-7 os.getcwd
  sinew call lab-7 os.listdir /tmp --json
  sinew call lab-7:18861 sample 1000 channel=2
  sinew call unix:///run/lab.sock root.scope.label "'3'")";

}  // namespace

Run define_call(CLI::App& app) {
  auto said = std::make_shared<Said>();
  add_target(app, said->target);
  app.add_option("METHOD", said->method, "What to call: os.getcwd, scope.sample")->required();
  app.add_option("ARGS", said->words, "Its arguments: 3, red, name=2.5")->type_name("");
  app.add_flag("--json", said->as_json, "Print the result as a line of JSON");
  app.footer(kFooter);
  return [said](Terminal& terminal) { return call(*said, terminal); };
}

}  // namespace sinew::cli
