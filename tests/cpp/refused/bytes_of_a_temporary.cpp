// refused: use of deleted function|attempt to use a deleted function|call to deleted member
// function
#include "sinew/sinew.hpp"

auto use(const sinew::Object& camera) { return camera.call<sinew::Bytes>("grab").span(); }
