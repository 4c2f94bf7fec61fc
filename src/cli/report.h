#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "cli/terminal.h"

namespace sinew::cli {

/// Says on standard error, in one line, why a command has failed, and returns its exit code. With
/// `verbose`, the peer's traceback stands in front of that line.
int report(std::string_view command, const std::exception_ptr& error, bool verbose,
           const Terminal& terminal);

}  // namespace sinew::cli
