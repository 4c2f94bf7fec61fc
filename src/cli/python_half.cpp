#include "cli/python_half.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "cli/exit_codes.h"

namespace sinew::cli {
namespace {

// Where the package lacks, `python3 -m sinew` would tell of modules; the user asked for a command.
// With -c the current folder comes first on the path: what lies there is not to be imported.
constexpr const char* kStart = R"(import sys
if sys.path[:1] == [""]: del sys.path[0]
try:
    from sinew.__main__ import main
except ModuleNotFoundError as error:
    if error.name not in ("sinew", "sinew.__main__"): raise
    sys.stderr.write(f"sinew {sys.argv[1]}: {sys.executable} has no package sinew, "
        "which does this; install it there, or name another Python in SINEW_PYTHON\n")
    sys.exit(4)
sys.exit(main())
)";

}  // namespace

void become_python_half(const std::vector<std::string>& words) {
  const char* const named = std::getenv("SINEW_PYTHON");
  const std::string python = named != nullptr && *named != '\0' ? named : "python3";
  std::vector<std::string> all{python, "-c", kStart};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> pointers;
  for (std::string& one : all) pointers.push_back(one.data());
  pointers.push_back(nullptr);
  ::execvp(python.c_str(), pointers.data());
  throw LocalError(fmt::format(
      "{} needs Python with the package sinew, and cannot start {}: {}; SINEW_PYTHON can name "
      "another",
      words[0], python, std::strerror(errno)));
}

}  // namespace sinew::cli
