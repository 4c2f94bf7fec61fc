#pragma once

#include "base/writer.h"
#include "py_ref.h"

namespace sinew::python {

/// brine for Python: dump(obj), load(data), dumpable(obj). Terminated by an empty entry.
extern PyMethodDef kCodecMethods[];

/// What was written, as one bytes object. Empty with an exception set. With the GIL held.
PyRef joined(const Writer& out);

}  // namespace sinew::python
