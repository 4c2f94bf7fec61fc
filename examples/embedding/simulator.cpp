// A simulator in C++ that scripts on other machines drive: its objects, and the Python inside it.
//
//     simulator tcp://127.0.0.1:18812 .venv/bin/python      # a Python with the package sinew
//     python3 script.py 127.0.0.1 18812                     # RPyC or Sinew
//
// The tank is C++. The controller that a script gives it runs inside the simulator, in its own
// Python, so that a simulated hour crosses the network twice, not 36,000 times.

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

#include <sinew/python.hpp>

namespace {

/// A tank with an inflow, which is set, and a hole.
class Tank {
 public:
  /// Lets simulated time pass; returns how often the controller was asked.
  int run(double seconds) {
    if (!(seconds >= 0)) throw std::invalid_argument("time goes forward");
    int asked = 0;
    for (double time = 0; time < seconds; time += kStep) {
      if (!controller_.is_none()) {
        inflow = controller_.invoke<double>(level_);
        ++asked;
      }
      level_ += kStep * (inflow - kHole * level_);
    }
    return asked;
  }
  double level() const { return level_; }
  void control(const sinew::Object& controller) { controller_ = controller; }

  double inflow = 0;

 private:
  static constexpr double kStep = 0.1;   // seconds
  static constexpr double kHole = 0.05;  // of the contents, a second

  double level_ = 0;
  sinew::Object controller_;
};

}  // namespace

int main(int argc, char** argv) try {
  sinew::service<Tank>("plant.Tank", "A tank with a hole.")
      .def("run", &Tank::run, {"seconds"}, "Lets simulated time pass.")
      .def("control", &Tank::control, {"controller"},
           "Calls controller(level) in each step of 0.1 s: it says what the inflow is to be.")
      .property("level", &Tank::level, "What is in the tank.")
      .property("inflow", &Tank::inflow, "What comes in, a second.");
  sinew::python::InterpreterOptions options;
  if (argc > 2) options.executable = argv[2];
  sinew::python::Interpreter python(options);
  python.offer("tank", std::make_shared<Tank>());
  const std::string uri = python.serve(argc > 1 ? argv[1] : "tcp://127.0.0.1:18812");
  std::printf("serving at %s, Ctrl-C ends\n", uri.c_str());
  std::fflush(stdout);
  return python.run() ? 0 : 3;
} catch (const std::exception& error) {
  std::fprintf(stderr, "simulator: %s\n", error.what());
  return 1;
}
