// How an interpreter and what it holds come to their ends.

#include <Python.h>

#include <exception>
#include <optional>
#include <string>
#include <thread>

#include "lab.h"
#include "scenario.h"

namespace sinew::testing {

void lifetimes() {
  define_lab();
  const auto lab = std::make_shared<Lab>();
  std::optional<python::Interpreter> python(std::in_place, options());
  python->offer("lab", lab);
  std::optional<Connection> own(python->connect());
  own->execute("import lab\nprobes = [lab.probe(n) for n in range(1000)]");
  check(Probe::living == 1000, "Python holds them");
  check(own->eval<int>("probes[7].number") == 7, "they are what they were");
  own->execute("probes.clear()");
  own->execute("while lab.add(0, 0): pass");  // a message takes releases along
  own->execute("kept = lab.probe(1)\nlab.keep(lambda: 3)");
  check(Probe::living == 1, "Python has let go of them");
  check(lab->kept.invoke<int>() == 3, "the program holds a function of Python's");
  const Object list = own->eval("[1, 2]");
  python.reset();
  check(Probe::living == 0, "nothing is held any more");
  check(lab.use_count() == 1, "nor is the object");
  check(thrown_by([&] { list.size(); }).starts_with("disconnected: "), "a proxy is dead");
  check(thrown_by([&] { lab->kept.invoke<int>(); }).starts_with("disconnected: "), "and another");
  own.reset();
}

void ends() {
  const auto before = std::get_terminate();
  {
    python::Interpreter python(options());
    const Connection own = python.connect();
    check(own.eval<int>("1 + 1") == 2, "it runs");
    check(python.stop(), "it is quiet");
    check(python.stop(), "twice is allowed");
    check(thrown_by([&] { own.eval("1"); }).starts_with("disconnected: "),
          "connections have ended");
    check(thrown_by([&] { python.connect(); }) == "failed: the Interpreter was stopped", "no more");
    check(thrown_by([&] { python.offer("x", 1); }) == "failed: the Interpreter was stopped",
          "none");
    check(Py_IsInitialized() != 0, "it is there until the end");
  }
  check(Py_IsInitialized() == 0, "it was ended");
  check(std::get_terminate() == before, "a crash is a crash again");
}

void stopped_inside() {
  Module control("control");
  std::optional<python::Interpreter> python(std::in_place, options());
  control.def("stop", [&python] { python->stop(); });
  python->offer("control", control);
  const Connection own = python->connect();
  own.execute("import control");
  const std::string why = thrown_by([&] { own.execute("control.stop()"); });
  check(why.find("on another thread") != std::string::npos, why);
  check(own.eval<int>("1 + 1") == 2, "it goes on");
  check(python->stop(), "it is quiet");
}

void twice() {
  {
    python::Interpreter python(options());
    check(thrown_by([] { python::Interpreter second(options()); }) ==
              "failed: this process has an Interpreter already",
          "one at a time");
    check(python.connect().eval<int>("3") == 3, "the first one is as it was");
  }
  check(thrown_by([] { python::Interpreter second(options()); }) ==
            "unsupported: the interpreter of this process has ended",
        "once");
}

void no_package() {
  auto bare = options();
  bare.executable = "/usr/bin/python3";
  bare.isolated = true;
  const std::string why = thrown_by([&] { python::Interpreter python(bare); });
  check(why.starts_with("unsupported: Python 3."), why);
  check(why.find("has no package sinew") != std::string::npos, why);
  check(why.find("InterpreterOptions::executable") != std::string::npos, why);
  auto lost = options();
  lost.home = "/nonexistent";
  const std::string home = thrown_by([&] { python::Interpreter python(lost); });
  check(home.starts_with("failed: CPython does not start: "), home);
}

void broken_pipe() {
  python::Interpreter python(options());
  const Connection own = python.connect();
  own.execute("import os\nr, w = os.pipe()\nos.close(r)");
  check(thrown_by([&] { own.eval("os.write(w, b'x')"); }).find("BrokenPipeError") !=
            std::string::npos,
        "not a signal");
}

void version() { say(std::to_string(PY_MAJOR_VERSION) + "." + std::to_string(PY_MINOR_VERSION)); }

void joined() {
  Py_Initialize();
  PyRun_SimpleString(
      ("import site; site.addsitedir('" + std::string(std::getenv("SINEW_TEST_SITE")) + "')")
          .c_str());
  PyThreadState* const state = PyEval_SaveThread();
  {
    python::Interpreter python;
    check(python.connect().eval<int>("1 + 1") == 2, "it runs");
    const PyGILState_STATE held = PyGILState_Ensure();
    const std::string why = thrown_by([&] { python.connect(); });
    PyGILState_Release(held);
    check(why == "failed: this thread holds the GIL, for which Python would wait", why);
  }
  PyEval_RestoreThread(state);
  check(PyRun_SimpleString("import sys; sys.stdout.write('still here\\n')") == 0, "it goes on");
  Py_Finalize();
}

}  // namespace sinew::testing
