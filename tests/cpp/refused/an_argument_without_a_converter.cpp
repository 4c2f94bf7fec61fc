// refused: no sinew::Converter sends an argument of this type
#include "sinew/sinew.hpp"

struct Point {
  int x, y;
};

void use(const sinew::Object& plotter) { plotter.call("move_to", Point{1, 2}); }
