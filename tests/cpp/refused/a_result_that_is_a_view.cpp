// refused: a view cannot be received, because nobody would own what it points to
#include "sinew/sinew.hpp"

void use(const sinew::Object& os) { os.call<std::string_view>("getcwd"); }
