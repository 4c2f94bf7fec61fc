#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sinew/value.hpp"

namespace sinew::cli {

/// What users write: Python literals, and expressions of names, calls and items over them.
struct Node {
  enum class Kind : std::uint8_t {
    kValue,      ///< `value`
    kTuple,      ///< `parts`
    kList,       ///< `parts`
    kSet,        ///< `parts`
    kDict,       ///< `parts`: key, value, key, value
    kName,       ///< `name`
    kAttribute,  ///< `name` of parts[0]
    kCall,       ///< of parts[0] with the other parts, the last of which have `names`
    kItem,       ///< parts[1] of parts[0]
  };

  Kind kind = Kind::kValue;
  Value value = {};
  std::string name = {};
  std::vector<Node> parts = {};
  std::vector<std::string> names = {};
};

/// How deep brackets may be in each other, how many `.name`, `[...]` and `(...)` an expression may
/// have, and how long one text may be, in bytes.
inline constexpr std::size_t kMaxDepth = 100;
inline constexpr std::size_t kMaxSteps = 200;
inline constexpr std::size_t kMaxText = std::size_t{1} << 20;

/// Reads a Python literal: None, True, False, numbers, strings, bytes, tuples, lists, sets and
/// dictionaries of them; also `null`, `true` and `false`, as JSON has them. Throws UsageError with
/// the place of the mistake.
Node parse_literal(std::string_view text);

/// The same with names: `a.b`, `f(1, x=2)`, `table["key"]`, `f(g(1)).c`.
Node parse_expression(std::string_view text);

/// Reads a word of a command line. What begins as a bracket or a quoted string does is a literal
/// and must be one; anything else is a literal if it is one, and otherwise a string: `3` is a
/// number, `red` and `10.0.0.1` are strings.
Node parse_word(std::string_view word);

/// Whether it could be a name in Python; ASCII only.
bool is_name(std::string_view text) noexcept;

}  // namespace sinew::cli
