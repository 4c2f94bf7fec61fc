#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "sinew/value.hpp"

namespace sinew::cli {

/// Reads a Python string or bytes literal of `text` that begins at `at`, and moves `at` behind it.
/// Returns nothing if none begins there. Prefixes b, r, u and their combinations, and both quotes,
/// also three of them. Throws UsageError: it does not end, or an escape makes no sense.
std::optional<Value> read_string_literal(std::string_view text, std::size_t& at);

}  // namespace sinew::cli
