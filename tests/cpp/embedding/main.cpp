#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <string>

#include "scenario.h"

namespace sinew::testing {

python::InterpreterOptions options() {
  python::InterpreterOptions made;
  made.executable = std::getenv("SINEW_TEST_PYTHON");
  return made;
}

void say(const std::string& line) { std::cout << line << std::endl; }

void wait_for_line() {
  std::string line;
  std::getline(std::cin, line);
}

}  // namespace sinew::testing

int main(int argc, char** argv) try {
  using namespace sinew::testing;
  const std::map<std::string, void (*)()> scenarios{{"calls", calls},
                                                    {"errors", errors},
                                                    {"threads", threads},
                                                    {"modules", modules},
                                                    {"refusals", refusals},
                                                    {"limits", limits},
                                                    {"lifetimes", lifetimes},
                                                    {"ends", ends},
                                                    {"stopped_inside", stopped_inside},
                                                    {"twice", twice},
                                                    {"no_package", no_package},
                                                    {"broken_pipe", broken_pipe},
                                                    {"joined", joined},
                                                    {"version", version},
                                                    {"serves", serves},
                                                    {"runs", runs},
                                                    {"computes", computes},
                                                    {"finishes", finishes}};
  scenarios.at(argc > 1 ? argv[1] : "")();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
