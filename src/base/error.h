#pragma once

#include <string_view>

#include "base/errc.h"
#include "sinew/error.hpp"

namespace sinew {

/// The kind that a hot-path code has at the API level. Hot paths do not throw: they return
/// Result<T> (errc.h).
Error::Kind kind_of(Errc errc) noexcept;

/// An error for a hot-path code: "`doing`: `describe(errc)`".
Error make_error(Errc errc, std::string_view doing);

}  // namespace sinew
