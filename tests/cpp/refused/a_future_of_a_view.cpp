// refused: a view cannot be received, because nobody would own what it points to
#include "sinew/sinew.hpp"

void use(const sinew::Object& file) { file.async<std::span<const std::byte>>("read").get(); }
