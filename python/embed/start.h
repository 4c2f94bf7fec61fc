#pragma once

#include <string>
#include <string_view>

#include "ext/py_ref.h"
#include "sinew/python.hpp"

namespace sinew::python {

/// Starts CPython. On return this thread holds the GIL. Throws Error.
void start_python(const InterpreterOptions& options);

/// Ends it. With the GIL held, on the thread that started it, when nothing runs in it any more.
void end_python() noexcept;

/// Imports the package's half of an Interpreter, and makes what an Interpreter calls. With the GIL
/// held. Throws Error that says where the package was looked for.
PyRef make_embedding();

/// Throws the Python exception that was raised as an Error: "ValueError: there is a module 'lab'".
[[noreturn]] void throw_raised(Error::Kind kind = Error::Kind::kFailed,
                               const std::string& what = {});

/// The str() of an object; something that stands for it if it has none.
std::string text_of(PyObject* object) noexcept;

}  // namespace sinew::python
