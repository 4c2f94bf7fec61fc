// refused: a parameter is a view, and nobody would own what it points to
#include "sinew/sinew.hpp"

struct Printer {
  void print(std::string_view text);
};

void use() { sinew::service<Printer>("Printer").def("print", &Printer::print); }
