// refused: no sinew::Converter receives this type
#include "sinew/sinew.hpp"

struct Point {
  int x, y;
};

Point use(const sinew::Object& plotter) { return plotter.get<Point>("origin"); }
