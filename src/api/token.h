#pragma once

#include <string>

#include "sinew/connection.hpp"

namespace sinew::detail {

/// The token that the options or the environment name (Options::token); empty: none. Throws Error
/// (kFailed) for one that is too short or too long, or whose file others may read.
std::string find_token(const Options& options);

}  // namespace sinew::detail
