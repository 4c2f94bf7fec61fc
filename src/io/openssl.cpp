#include "io/openssl.h"

#include <dlfcn.h>

#include <atomic>
#include <memory>

#include "base/error.h"

namespace sinew::io {
namespace {

// By the name that an ABI change would change. Never unloaded: it registers exit handlers.
constexpr const char* kLibrary = "libssl.so.3";

[[noreturn]] void throw_missing() {
  const char* const reason = ::dlerror();
  throw Error(Error::Kind::kUnsupported, std::string("TLS and tokens need OpenSSL 3: ") +
                                             (reason != nullptr ? reason : kLibrary));
}

// libcrypto is found through libssl, which depends on it.
template <class Function>
void find(void* library, const char* name, Function& into) {
  void* const symbol = ::dlsym(library, name);
  if (symbol == nullptr) throw_missing();
  into = reinterpret_cast<Function>(symbol);
}

OpenSsl load() {
  void* const library = ::dlopen(kLibrary, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) throw_missing();
  OpenSsl functions;
#define SINEW_OPENSSL_FIND(name) find(library, #name, functions.name);
  SINEW_OPENSSL_FUNCTIONS(SINEW_OPENSSL_FIND)
#undef SINEW_OPENSSL_FIND
  return functions;
}

}  // namespace

const OpenSsl& OpenSsl::get() {
  // No local static: see AfterFork. Twice is as good as once.
  static std::atomic<const OpenSsl*> loaded{nullptr};
  if (const OpenSsl* const here = loaded.load(std::memory_order_acquire)) return *here;
  auto fresh = std::make_unique<const OpenSsl>(load());
  const OpenSsl* expected = nullptr;
  if (!loaded.compare_exchange_strong(expected, fresh.get())) return *expected;
  return *fresh.release();
}

std::string OpenSsl::take_error() const {
  // The first one is the cause; what follows is what it caused.
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown reason";
  if (const char* const reason = ERR_reason_error_string(code)) return reason;
  return "error " + std::to_string(code);
}

}  // namespace sinew::io
