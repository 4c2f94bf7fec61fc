#include <array>

#include "cli/command.h"

namespace sinew::cli {
namespace {

constexpr std::array kCommands{
    Command{"ls", "show what is there, with signatures and docs", define_ls},
    Command{"call", "call a function or a method", define_call},
    Command{"get", "show an attribute", define_get},
    Command{"set", "change an attribute", define_set},
    Command{"shell", "a console over there: Python, or a service's methods", define_shell},
    Command{"upload", "copy files to a classic server", define_upload},
    Command{"download", "copy files from a classic server", define_download},
    Command{"ping", "measure round trips", define_ping},
    Command{"doctor", "find out what is reachable, and what to do if it is not", define_doctor},
    Command{"bench", "measure calls and bytes per second", define_bench},
    Command{"trace", "show what a client and a server say to each other", define_trace},
    Command{"classic", "offer this machine's interpreter to peers you trust", nullptr},
    Command{"serve", "offer an object or a class of a Python module", nullptr},
    Command{"spawn", "drive another Python from here", nullptr},
    Command{"registry", "find services by name in a network", nullptr},
    Command{"completion", "print the completion of a shell", define_completion},
};

}  // namespace

std::span<const Command> commands() noexcept { return kCommands; }

const Command* find_command(std::string_view name) noexcept {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

}  // namespace sinew::cli
