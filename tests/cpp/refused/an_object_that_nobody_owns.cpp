// refused: return a std::shared_ptr or std::unique_ptr to an object
#include "sinew/sinew.hpp"

struct Channel {};
struct Scope {
  Channel* channel(int number);
};

void use() { sinew::service<Scope>("Scope").def("channel", &Scope::channel); }
