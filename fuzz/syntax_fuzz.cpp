// Any bytes as what a user types: a literal that is read is written by to_text(), and that reads
// back as the same value. Nothing crashes, and what is wrong is a UsageError.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cli/exit_codes.h"
#include "cli/syntax.h"

namespace {

using namespace sinew;
using namespace sinew::cli;

void require(bool condition) {
  if (!condition) std::abort();
}

// Ellipsis is written as a name; infinities and nan have no literal.
bool has_literal(const Value& value) {
  const std::string text = to_text(value);
  return value.kind() != ValueKind::kEllipsis && text.find("inf") == std::string::npos &&
         text.find("nan") == std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    parse_expression(text);
  } catch (const UsageError&) {
  }
  try {
    parse_word(text);
  } catch (const UsageError&) {
  }
  try {
    const Node node = parse_literal(text);
    if (node.kind != Node::Kind::kValue) return 0;
    const bool is_number =
        node.value.kind() == ValueKind::kReal || node.value.kind() == ValueKind::kComplex;
    if (is_number && !has_literal(node.value)) return 0;
    if (node.value.kind() == ValueKind::kEllipsis) return 0;
    if (node.value.kind() == ValueKind::kComplex) return 0;  // (1-2j) is arithmetic to a literal
    require(parse_literal(to_text(node.value)).value == node.value);
  } catch (const UsageError&) {
  }
  return 0;
}
