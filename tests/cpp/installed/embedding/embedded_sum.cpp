#include <cstdio>

#include <sinew/python.hpp>

int main(int, char** argv) {
  sinew::python::InterpreterOptions options;
  options.executable = argv[1];
  const sinew::python::Interpreter python(options);
  std::printf("%d\n", python.connect().eval<int>("sum([1, 2, 3])"));
}
