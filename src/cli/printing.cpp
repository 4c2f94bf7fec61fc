#include "cli/printing.h"

#include <string>

#include <fmt/format.h>

#include "cli/json.h"

namespace sinew::cli {
namespace {

std::string padded(const std::string& text, std::size_t width) {
  return fmt::format("{:<{}}", text, width);
}

// What fits beside each other; a long signature has a line of its own.
constexpr std::size_t kColumn = 34;

}  // namespace

void print_result(Terminal& terminal, const Object& result, bool as_json) {
  if (as_json) {
    terminal.line(json_of(result));
  } else if (result.value().kind() == ValueKind::kText) {
    terminal.line(terminal.shown(result.value().text()));
  } else if (!result.is_none()) {
    terminal.line(terminal.shown(result.repr()));
  }
}

void print_listing(const Listing& listing, Terminal& terminal) {
  using Style = Terminal::Style;
  terminal.line(fmt::format("{}{}{}", terminal.styled(Style::kBold, terminal.shown(listing.title)),
                            listing.doc.empty() ? "" : "  ", without_controls(listing.doc, false)));
  for (const Member& member : listing.members) {
    const std::string name = without_controls(member.name, false);
    const std::string rest = without_controls(member.text, false);
    const std::string left = terminal.styled(Style::kName, name) + rest;
    const std::size_t width = name.size() + rest.size();
    if (member.doc.empty()) {
      terminal.line("  " + left);
    } else if (width > kColumn) {
      terminal.line("  " + left);
      terminal.line("  " + padded("", kColumn) + "  " +
                    terminal.styled(Style::kDim, without_controls(member.doc, false)));
    } else {
      terminal.line("  " + left + padded("", kColumn - width) + "  " +
                    terminal.styled(Style::kDim, without_controls(member.doc, false)));
    }
  }
}

}  // namespace sinew::cli
