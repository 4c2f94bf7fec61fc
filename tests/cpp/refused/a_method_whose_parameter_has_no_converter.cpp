// refused: a parameter cannot come from a peer
#include "sinew/sinew.hpp"

struct Point {
  int x, y;
};
struct Plotter {
  void move_to(const Point& point);
};

void use() { sinew::service<Plotter>("Plotter").def("move_to", &Plotter::move_to); }
