#include "subject.h"

#include <string>

#include <fmt/format.h>

#include "errors.h"

namespace sinew::python {

void raise_too_late(Peer& peer, const Subject& subject) noexcept try {
  const std::chrono::duration<double> waited = Clock::system().now() - subject.asked;
  const bool has_name = subject.name != nullptr && dialect::rpyc::names_attribute(subject.handler);
  const char* const name = has_name ? PyUnicode_AsUTF8(subject.name) : nullptr;
  PyErr_Clear();
  std::string what(dialect::rpyc::describe(subject.handler));
  if (name != nullptr) what = fmt::format("{} '{}'", what, name);
  if (subject.target != nullptr) what += fmt::format(" of {}", subject.target->name);
  const std::string text = fmt::format("result expired: no answer within {:.3g} seconds to {} ({})",
                                       waited.count(), what, peer.connection().stream().describe());
  PyErr_SetString(PyExc_TimeoutError, text.c_str());
} catch (...) {
  raise_current();
}

}  // namespace sinew::python
