#include "cli/remote_code.h"

#include <fmt/format.h>

#include "cli/exit_codes.h"

namespace sinew::cli {

Object define_remotely(Peer& peer, std::string_view statements, std::string_view name) {
  const Object builtins = peer.connection.module("builtins");
  const Object names = builtins.call("dict");
  builtins.call("exec", statements, names);
  return names.item(name);
}

void require_classic(Peer& peer, std::string_view command) {
  if (peer.is_classic()) return;
  throw MissingError(fmt::format("{} needs a classic server, and {} is a service; see: sinew ls",
                                 command, peer.root.type_name()));
}

}  // namespace sinew::cli
