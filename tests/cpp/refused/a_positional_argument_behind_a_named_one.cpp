// refused: a positional argument follows a named one
#include "sinew/sinew.hpp"

void use(const sinew::Object& open) { open(sinew::arg("mode") = "w", "log.txt"); }
