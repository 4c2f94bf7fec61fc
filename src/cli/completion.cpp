#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/exit_codes.h"
#include "cli/terminal.h"

namespace sinew::cli {
namespace {

// The long options of a command, with spaces between them.
std::string options_of(const Command& command) {
  if (command.define == nullptr) return "--help";
  CLI::App app;
  const Run kept = command.define(app);  // owns what the options refer to
  std::string names = "--verbose";
  for (const CLI::Option* const option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names += " --" + name;
  }
  return names;
}

std::string all_names() {
  std::string names;
  for (const Command& command : commands()) names += std::string(command.name) + " ";
  return names + "--help --version";
}

std::string for_bash() {
  std::string cases;
  for (const Command& command : commands()) {
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command.name, options_of(command));
  }
  return fmt::format(R"(# bash completion of sinew: source <(sinew completion bash)
_sinew() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{}" -- "$word"))
    return
  fi
  [[ $word == -* ]] || return
  case ${{COMP_WORDS[1]}} in
{}    *) return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _sinew sinew
)",
                     all_names(), cases);
}

std::string for_zsh() {
  std::string names;
  std::string cases;
  for (const Command& command : commands()) {
    names += fmt::format("    '{}:{}'\n", command.name, command.summary);
    cases += fmt::format("    {}) compadd -- {} ;;\n", command.name, options_of(command));
  }
  // zsh's quotes: '\'' is an apostrophe.
  for (std::size_t at = 0; (at = names.find("'s ", at)) != std::string::npos; at += 6) {
    names.replace(at, 1, "'\\''");
  }
  return fmt::format(R"(#compdef sinew
# zsh completion of sinew: source <(sinew completion zsh)
_sinew() {{
  local -a names
  names=(
{}  )
  if ((CURRENT == 2)); then
    _describe command names
    return
  fi
  if [[ $PREFIX != -* ]]; then
    _files
    return
  fi
  case $words[2] in
{}  esac
}}
compdef _sinew sinew
)",
                     names, cases);
}

std::string for_fish() {
  std::string lines = "# fish completion of sinew: sinew completion fish | source\n";
  for (const Command& command : commands()) {
    lines += fmt::format("complete -c sinew -f -n __fish_use_subcommand -a {} -d \"{}\"\n",
                         command.name, command.summary);
    const std::string options = options_of(command);
    for (std::size_t at = 0; at < options.size();) {
      const std::size_t end = std::min(options.find(' ', at), options.size());
      lines += fmt::format("complete -c sinew -n \"__fish_seen_subcommand_from {}\" -l {}\n",
                           command.name, options.substr(at + 2, end - at - 2));
      at = end + 1;
    }
  }
  return lines;
}

int complete(const std::string& shell, Terminal& terminal) {
  if (shell == "bash") {
    terminal.print(for_bash());
  } else if (shell == "zsh") {
    terminal.print(for_zsh());
  } else if (shell == "fish") {
    terminal.print(for_fish());
  } else {
    throw UsageError(fmt::format("'{}' is none of bash, zsh and fish", shell));
  }
  return 0;
}

}  // namespace

Run define_completion(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash, zsh or fish")->required();
  app.footer(
      R"(Prints what the shell has to read to complete the commands of sinew and their options.

examples:
  source <(sinew completion bash)                  # in ~/.bashrc
  source <(sinew completion zsh)                   # in ~/.zshrc, behind compinit
  sinew completion fish | source                   # in ~/.config/fish/config.fish)");
  return [shell](Terminal& terminal) { return complete(*shell, terminal); };
}

}  // namespace sinew::cli
