// The program `sinew`: finds the command, reads its arguments, runs it, says what went wrong.

#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/exit_codes.h"
#include "cli/python_half.h"
#include "cli/report.h"
#include "cli/terminal.h"

namespace {

using namespace sinew::cli;

std::string overview(const Terminal& terminal) {
  std::string text =
      fmt::format("{}\n\nusage: sinew COMMAND [ARG...]\n\ncommands:\n",
                  terminal.styled(Terminal::Style::kBold, "Objects in other processes."));
  for (const Command& command : commands()) {
    text += fmt::format(
        "    {} {}\n", terminal.styled(Terminal::Style::kName, fmt::format("{:<11}", command.name)),
        command.summary);
  }
  text +=
      "\n`sinew COMMAND --help` has the arguments of a command, and examples. `sinew --version`\n"
      "prints the version. An address is tcp://HOST[:PORT], tls://HOST[:PORT], unix:///PATH or\n"
      "HOST[:PORT].\n\n"
      "examples:\n"
      "  sinew classic --port 18812        offer this machine's interpreter to peers you trust\n"
      "  sinew call localhost os.getcwd    call a function of it\n"
      "  sinew serve lab:Oscilloscope      offer an object, or a new one to each client\n"
      "\n"
      "exit codes: 0 done; 1 the other side raised an exception; 2 the command line is wrong;\n"
      "3 no connection, or too late; 4 something here, such as a file; 130 Ctrl-C\n";
  return text;
}

// CLI11 makes several words of "[1, 2]"; to what reads the words a space in front means nothing.
void keep_brackets_whole(std::vector<std::string>& words) {
  for (std::string& word : words) {
    if (word.starts_with('[')) word.insert(word.begin(), ' ');
  }
}

int run_command(const Command& command, std::vector<std::string> words, Terminal& terminal) {
  CLI::App app{std::string(command.summary), "sinew " + std::string(command.name)};
  bool verbose = false;
  const Run run = command.define(app);
  app.add_flag("-v,--verbose", verbose, "Show the traceback of a remote exception");
  try {
    keep_brackets_whole(words);
    std::reverse(words.begin(), words.end());  // as CLI11 takes them
    app.parse(std::move(words));
    const int code = run(terminal);
    terminal.flush();
    return code;
  } catch (const CLI::CallForHelp&) {
    terminal.print(app.help());
    return static_cast<int>(Exit::kOk);
  } catch (...) {
    return report(command.name, std::current_exception(), verbose, terminal);
  }
}

int run_program(const std::vector<std::string>& words, Terminal& terminal) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    terminal.print(overview(terminal));
    return static_cast<int>(words.empty() ? Exit::kUsage : Exit::kOk);
  }
  if (words[0] == "--version") {
    terminal.line("sinew " SINEW_VERSION);
    return static_cast<int>(Exit::kOk);
  }
  const Command* const command = find_command(words[0]);
  if (command == nullptr) {
    throw UsageError(fmt::format("there is no command '{}'; see: sinew --help", words[0]));
  }
  if (command->define == nullptr) become_python_half(words);
  return run_command(*command, {words.begin() + 1, words.end()}, terminal);
}

}  // namespace

int main(int argc, char** argv) {
  Terminal terminal;
  try {
    return run_program({argv + (argc > 0 ? 1 : 0), argv + argc}, terminal);
  } catch (...) {
    return report({}, std::current_exception(), false, terminal);
  }
}
