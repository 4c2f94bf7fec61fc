#include "names.h"

namespace sinew::python {

bool Names::intern() noexcept {
#define SINEW_INTERN_NAME(member, text)                    \
  member = PyRef::steal(PyUnicode_InternFromString(text)); \
  if (!member) return false;
  SINEW_NAMES(SINEW_INTERN_NAME)
#undef SINEW_INTERN_NAME
  return true;
}

}  // namespace sinew::python
