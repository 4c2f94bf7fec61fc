#pragma once

#include <string_view>

#include "cli/connecting.h"

namespace sinew::cli {

/// Runs Python statements at a classic server, in names of their own, and returns what `name` is
/// then: how the program gets a function there that is made for it. Throws what a call throws.
Object define_remotely(Peer& peer, std::string_view statements, std::string_view name);

/// Throws MissingError, which says what the command needs, unless the server is a classic one.
void require_classic(Peer& peer, std::string_view command);

}  // namespace sinew::cli
