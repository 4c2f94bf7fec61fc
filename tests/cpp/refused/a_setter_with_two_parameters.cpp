// refused: the setter of a property takes the object and one value, nothing else
#include "sinew/sinew.hpp"

struct Wheel {
  int rate() const;
  void set_rate(int rate, int unit);
};

void use() { sinew::service<Wheel>("Wheel").property("rate", &Wheel::rate, &Wheel::set_rate); }
