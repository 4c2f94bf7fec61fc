#pragma once

#include "state.h"

namespace sinew::python {

/// Whether what instances of `type` have under `name`, because a class says so, was marked by
/// @sinew.expose. The only place that reads the marks (exposing.py writes them): a function has the
/// attribute `__sinew_exposed__` True, be it in a property, static or class method; a class has
/// itself there, which a subclass does not inherit as its own.
///
/// Runs no code of the member's: a mark is what its owner wrote, not what a peer's proxy answers.
/// With the GIL held.
bool is_exposed(const Names& names, PyTypeObject* type, PyObject* name) noexcept;

}  // namespace sinew::python
