// refused: nothing would keep it: return a std::shared_ptr
#include "sinew/sinew.hpp"

struct Channel {};
Channel& channel(int number);

void use() { sinew::module("lab").def("channel", channel); }
