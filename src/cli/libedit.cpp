#include "cli/libedit.h"

#include <dlfcn.h>

#include <optional>

namespace sinew::cli {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& into) {
  into = reinterpret_cast<Function>(::dlsym(library, name));
  return into != nullptr;
}

std::optional<LibEdit> load() {
  // Debian's name, then the others'.
  void* library = nullptr;
  for (const char* const name : {"libedit.so.2", "libedit.so.0"}) {
    if (library == nullptr) library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  }
  if (library == nullptr) return std::nullopt;
  LibEdit functions;
#define SINEW_LIBEDIT_FIND(name) \
  if (!find(library, #name, functions.name)) return std::nullopt;
  SINEW_LIBEDIT_FUNCTIONS(SINEW_LIBEDIT_FIND)
#undef SINEW_LIBEDIT_FIND
  return functions;
}

}  // namespace

const LibEdit* LibEdit::get() {
  static const std::optional<LibEdit> functions = load();
  return functions ? &*functions : nullptr;
}

}  // namespace sinew::cli
