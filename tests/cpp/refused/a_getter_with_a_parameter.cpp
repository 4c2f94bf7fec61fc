// refused: the getter of a property has a parameter besides the object
#include "sinew/sinew.hpp"

struct Wheel {
  int at(int place);
};

void use() { sinew::service<Wheel>("Wheel").property("at", &Wheel::at); }
