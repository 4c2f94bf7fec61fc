#pragma once

#include "cli/members.h"
#include "cli/terminal.h"
#include "sinew/object.hpp"

namespace sinew::cli {

/// Prints a result: text as it is, None not at all, everything else as Python's repr() writes it;
/// or with `as_json` any of them as one line of JSON (json.h).
void print_result(Terminal& terminal, const Object& result, bool as_json);

/// Prints what an object has, a line for each, for people.
void print_listing(const Listing& listing, Terminal& terminal);

}  // namespace sinew::cli
