#pragma once

#include "py_ref.h"

namespace sinew::python {

/// brine for Python: dump(obj), load(data), dumpable(obj). Terminated by an empty entry.
extern PyMethodDef kCodecMethods[];

}  // namespace sinew::python
