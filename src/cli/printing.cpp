#include "cli/printing.h"

#include "cli/json.h"

namespace sinew::cli {

void print_result(Terminal& terminal, const Object& result, bool as_json) {
  if (as_json) {
    terminal.line(json_of(result));
  } else if (result.value().kind() == ValueKind::kText) {
    terminal.line(terminal.shown(result.value().text()));
  } else if (!result.is_none()) {
    terminal.line(terminal.shown(result.repr()));
  }
}

}  // namespace sinew::cli
