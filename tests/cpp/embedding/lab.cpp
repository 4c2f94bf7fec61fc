#include "lab.h"

#include <stdexcept>

namespace sinew::testing {

void Lab::fail(const std::string& how) const {
  if (how == "range") throw std::out_of_range("no such channel");
  if (how == "python") throw PythonError("KeyError", {"lamp"});
  throw 42;
}

bool Lab::meet() {
  std::unique_lock lock(mutex_);
  ++here_;
  changed_.notify_all();
  return changed_.wait_for(lock, std::chrono::seconds(20), [this] { return here_ >= 2; });
}

void Lab::sleep(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [] { return false; });
}

void define_lab() {
  service<Probe>("lab.Probe").property("number", &Probe::number);
  service<Lab>("lab.Lab", "A laboratory.")
      .def("add", &Lab::add, {"a", "b"}, "Adds.")
      .def("fail", &Lab::fail)
      .def("probe", &Lab::probe)
      .def("call", &Lab::call)
      .def("keep", &Lab::keep)
      .def("meet", &Lab::meet)
      .def("note", &Lab::note)
      .def("sleep", &Lab::sleep)
      .property("rate", &Lab::rate)
      .constant("CHANNELS", 2);
}

}  // namespace sinew::testing
