#pragma once

#include <string>
#include <vector>

namespace sinew::cli {

/// Replaces this process by a Python that runs the package's half of the program: `words` is the
/// command and its arguments. Python is what SINEW_PYTHON names, as the package's own console
/// script does, or else python3. Throws LocalError if there is none; one without the package says
/// so itself, in one line, and ends with Exit::kLocal.
[[noreturn]] void become_python_half(const std::vector<std::string>& words);

}  // namespace sinew::cli
