#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "py_ref.h"

namespace sinew::python {

/// Turns the C++ exception being handled into a Python one. The one place where that happens:
/// `try { ... } catch (...) { raise_current(); return nullptr; }`.
void raise_current() noexcept;

/// Raises `error` as the Python exception of its kind: EOFError (disconnected), TimeoutError,
/// and so on.
void raise_error(const Error& error) noexcept;

/// A deadline that many seconds from now; a negative number counts as zero.
Deadline deadline_after(double seconds) noexcept;

}  // namespace sinew::python
