#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/connecting.h"
#include "cli/evaluator.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "cli/members.h"
#include "cli/printing.h"
#include "cli/registry.h"
#include "cli/terminal.h"
#include "naming/uri.h"

namespace sinew::cli {
namespace {

struct Said {
  Target target;
  std::string name;
  std::string registry = "255.255.255.255";
  bool as_json = false;
};

void print_json(const Listing& listing, Terminal& terminal) {
  std::string members;
  for (const Member& member : listing.members) {
    members += fmt::format(R"({}{{"name": {}, "kind": {}, "text": {}, "doc": {}}})",
                           members.empty() ? "" : ", ", json_text(member.name),
                           json_text(member.kind), json_text(member.text), json_text(member.doc));
  }
  terminal.line(fmt::format(R"({{"title": {}, "doc": {}, "members": [{}]}})",
                            json_text(listing.title), json_text(listing.doc), members));
}

int list_server(const Said& said, Terminal& terminal) {
  std::optional<Node> wanted;
  if (!said.name.empty()) wanted = parse_expression(said.name);
  Peer peer = open(said.target);
  Listing listing;
  if (!wanted) {
    listing = peer.is_classic() ? list_modules(peer) : list_members(peer, peer.root);
  } else {
    listing = list_members(peer, Evaluator(peer).evaluate(*wanted));
  }
  said.as_json ? print_json(listing, terminal) : print_listing(listing, terminal);
  return 0;
}

int list_registered(const Said& said, Terminal& terminal) {
  naming::Uri place;
  try {
    place = naming::parse_uri("tcp://" + said.registry);
  } catch (const Error& error) {
    throw UsageError(error.message());
  }
  const bool has_port = place.address.port != naming::Uri::kDefaultPort;
  const std::uint16_t port = has_port ? place.address.port : kRegistryPort;
  const double seconds = std::min(said.target.timeout > 0 ? said.target.timeout : 2.0, 2.0);
  const auto found = list_registry(
      place.address.host, port, std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)));
  if (said.as_json) {
    std::string rows;
    for (const Registered& service : found) {
      std::string places;
      for (const std::string& one : service.places) {
        places += (places.empty() ? "" : ", ") + json_text(one);
      }
      rows += fmt::format(R"({}{{"name": {}, "places": [{}]}})", rows.empty() ? "" : ", ",
                          json_text(service.name), places);
    }
    terminal.line(fmt::format("[{}]", rows));
    return 0;
  }
  terminal.note(fmt::format("asked the registry at {}:{} (UDP): {} services", place.address.host,
                            port, found.size()));
  for (const Registered& service : found) {
    const std::string name = without_controls(service.name, false);
    for (const std::string& one : service.places) {
      terminal.line(terminal.styled(Terminal::Style::kName, fmt::format("{:<24}", name)) + "  " +
                    without_controls(one, false));
    }
  }
  return 0;
}

}  // namespace

Run define_ls(CLI::App& app) {
  auto said = std::make_shared<Said>();
  add_target(app, said->target);
  app.get_option("URI")->required(false);
  app.add_option("NAME", said->name, "What to look at: os.path, channel(1); else the root");
  app.add_option("--registry", said->registry, "Without URI: whom to ask")
      ->type_name("HOST[:PORT]")
      ->capture_default_str();
  app.add_flag("--json", said->as_json, "Print it as a line of JSON");
  app.footer(
      R"(Shows what is there: methods with their signatures, values, and the first lines of their docs. Of a
classic server the modules that it has loaded; name one, or any other, to see what is in it.
A service in Python shows signatures only of what it lets be inspected. Without URI the registry is
asked for all services (UDP broadcast, port 18811).

examples:
  sinew ls lab-7:18861
  sinew ls lab-7:18861 'channel(1)'
  sinew ls lab-7 os.path
  sinew ls --registry lab-1)");
  return [said](Terminal& terminal) {
    return said->target.uri.empty() ? list_registered(*said, terminal)
                                    : list_server(*said, terminal);
  };
}

}  // namespace sinew::cli
