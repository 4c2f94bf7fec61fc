// What a program and its interpreter do for each other.

#include <filesystem>
#include <iterator>
#include <thread>
#include <vector>

#include "lab.h"
#include "scenario.h"

namespace sinew::testing {

void calls() {
  python::Interpreter python(options());
  const Connection own = python.connect();
  check(own.eval<int>("sum([1, 2, 3])") == 6, "eval");
  own.execute("import os\npid = os.getpid()");
  check(own.eval<int>("pid") == ::getpid(), "it is this process");
  check(own.module("math").get<double>("pi") > 3.14, "module");
  check(own.module("sys").get<std::string>("executable") == options().executable, "executable");
  check(own.builtin("list")(own.builtin("map")([](int x) { return 2 * x; }, own.eval("range(3)")))
                .as<std::vector<int>>() == std::vector{0, 2, 4},
        "a function of ours");
  const Connection other = python.connect();
  check(!other.variables().contains("pid"), "each connection has names of its own");
}

void errors() {
  define_lab();
  python::Interpreter python(options());
  python.offer("lab", std::make_shared<Lab>());
  const Connection own = python.connect();
  check(thrown_by([&] { own.eval("1 / 0"); }) == "failed: ZeroDivisionError: division by zero",
        "Python's in C++");
  own.execute(
      "import lab\n"
      "def kind(how):\n"
      "  try:\n    lab.fail(how)\n"
      "  except Exception as e:\n    return type(e).__name__ + str(e.args)\n");
  const Object kind = own.eval("kind");
  check(kind.invoke<std::string>("range") == "IndexError('no such channel',)", "C++'s in Python");
  check(kind.invoke<std::string>("python") == "KeyError('lamp',)", "its own name");
  check(kind.invoke<std::string>("other").starts_with("RuntimeError"), "anything");
  try {
    own.eval("lab.fail('python')");
    check(false, "nothing was thrown");
  } catch (const RemoteError& error) {
    check(error.is("KeyError"), "C++ to Python to C++");
    check(error.traceback().find("in a function of a C++ program") != std::string::npos,
          error.traceback());
  }
  check(thrown_by([&] { own.eval("lab.call(lambda x: 1 / x, 0)"); }) ==
            "failed: ZeroDivisionError: division by zero",
        "there and back and again");
}

void threads() {
  define_lab();
  python::Interpreter python(options());
  python.offer("lab", std::make_shared<Lab>(), {.threads = 2});
  // Two connections: the one waits in Python for what the other does.
  const Connection one = python.connect();
  const Connection other = python.connect();
  one.execute("import threading, builtins\nbuiltins.gate = threading.Event()");
  const auto waiting = one.eval("gate.wait").async_invoke<bool>(20.0);
  other.eval("gate.set")();
  check(waiting.get(), "two connections at once");
  // Two threads of Python's in the program at once.
  one.execute(
      "import lab\nfrom concurrent.futures import ThreadPoolExecutor\n"
      "def both():\n  with ThreadPoolExecutor() as pool:\n"
      "    return all(list(pool.map(lambda _: lab.meet(), range(2))))");
  check(one.eval<bool>("both()"), "two calls at once");
  // Many threads of ours in Python.
  const Object add = one.eval("lambda a, b: lab.add(a, b)");
  std::atomic<int> wrong{0};
  std::vector<std::thread> made;
  for (int id = 0; id < 8; ++id) {
    made.emplace_back([&, id] {
      for (int i = 0; i < 50; ++i) wrong += add.invoke<int>(id, i) == id + i ? 0 : 1;
    });
  }
  for (std::thread& thread : made) thread.join();
  check(wrong == 0, "many threads");
  // The interpreter computes while a function of ours waits, and the other way round.
  one.execute(
      "import threading\nstop = threading.Event()\n"
      "def compute():\n  while not stop.is_set(): pass\n"
      "worker = threading.Thread(target=compute); worker.start()");
  check(other.eval<int>("__import__('lab').add(1, 2)") == 3, "beside a thread that computes");
  one.execute("stop.set(); worker.join()");
}

// Code that computes for ever is stopped, and its connection goes on.
void limits() {
  define_lab();
  python::Interpreter python(options());
  const auto lab = std::make_shared<Lab>();
  python.offer("lab", lab);
  const Connection own = python.connect();
  own.execute("import lab\ndef compute():\n  lab.note()\n  while True: pass");
  const Object compute = own.eval("compute");
  const auto computing = compute.async_invoke<void>();
  while (lab->notes == 0) own.serve(std::chrono::milliseconds(5));
  check(computing.cancel(), "it was under way");
  check(own.eval<int>("1 + 1") == 2, "after a cancellation");
  {
    const TimeLimit limit(std::chrono::milliseconds(200));
    check(thrown_by([&] { compute.invoke<void>(); }).starts_with("timed out: "), "too late");
  }
  check(lab->notes == 2, "it had begun");
  check(own.eval<int>("1 + 1") == 2, "after a time limit");
  // The same for functions of ours that take a stop token.
  check(thrown_by([&] {
          own.execute("import sinew\nwith sinew.deadline(0.2):\n  lab.sleep()");
        }).find("TimeoutError") != std::string::npos,
        "a deadline in Python");
  check(python.stop(), "nothing runs on");
}

void modules() {
  define_lab();
  python::Interpreter python(options());
  const auto lab = std::make_shared<Lab>();
  python.offer("lab", lab);
  python.offer("tools", module("tools", "Some tools.").def("twice", [](int x) { return 2 * x; }));
  const Connection own = python.connect();
  own.execute(
      "import lab, tools, pydoc, inspect\n"
      "from lab import add, CHANNELS\n"
      "assert add(1, b=2) == 3 and CHANNELS == 2\n"
      "assert lab.__name__ == 'lab' and lab.__doc__ == 'A laboratory.', lab.__doc__\n"
      "assert {'add', 'rate'} <= set(dir(lab)) and '__root__' not in dir(lab), dir(lab)\n"
      "assert not hasattr(lab, 'nothing') and not hasattr(lab, '__path__')\n"
      "lab.rate = 2.5\n"
      "assert tools.twice(21) == 42\n"
      "names = {}\nexec('from tools import *', names)\nassert names['twice'](1) == 2\n"
      "assert inspect.getdoc(lab.add) == 'Adds.'\nassert 'A laboratory.' in pydoc.render_doc(lab)");
  check(lab->rate == 2.5, "properties are set");
  check(thrown_by([&] { own.execute("del lab.rate"); }).find("cannot be deleted") !=
            std::string::npos,
        "not deleted");
}

void refusals() {
  define_lab();
  python::Interpreter python(options());
  const auto lab = std::make_shared<Lab>();
  python.offer("lab", lab);
  check(
      thrown_by([&] { python.offer("lab", lab); }) == "failed: ValueError: there is a module 'lab'",
      "the same name");
  check(thrown_by([&] { python.offer("a b", lab); }) ==
            "failed: ValueError: 'a b' cannot be the name of a module",
        "no name");
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = descriptors();
  check(thrown_by([&] { python.offer("a\xff", lab); }).starts_with("failed: "), "no text");
  check(descriptors() == before, "nor is a descriptor kept");
  check(thrown_by([&] { python.offer("many", lab, {.threads = 100'000}); }) ==
            "failed: an object is offered with 1000 threads at most",
        "too many");
  check(lab.use_count() == 2, "what was refused is let go of");
  const std::string open = thrown_by([&] { python.serve("tcp://0.0.0.0:0"); });
  check(open.find("certificate and ca_file") != std::string::npos, open);
  const std::string uri = python.serve("tcp://127.0.0.1:0");
  const std::string taken = thrown_by([&] { python.serve(uri); });
  check(taken.find(uri) != std::string::npos, taken);
  check(thrown_by([&] { python.serve("ftp://127.0.0.1"); }).starts_with("failed: "), "no address");
}

}  // namespace sinew::testing
