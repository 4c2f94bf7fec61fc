#include <cstdio>

#include <sinew/sinew.hpp>

int main(int, char** argv) {
  const auto conn = sinew::connect(argv[1]);
  std::printf("%d\n", conn.eval<int>("sum([1, 2, 3])"));
}
