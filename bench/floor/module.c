/* The module `_floor`. */
#include "floor.h"

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_floor", .m_size = -1};

PyMODINIT_FUNC PyInit__floor(void) {
  PyObject* module = PyModule_Create(&definition);
  if (module == NULL || PyModule_AddFunctions(module, raw_functions) != 0) return NULL;
  return add_link_type(module) == 0 ? module : NULL;
}
