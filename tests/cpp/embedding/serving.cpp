// An interpreter that other machines use.

#include <csignal>

#include "lab.h"
#include "scenario.h"

namespace sinew::testing {

// Until a line comes; the clients are still there then.
void serves() {
  define_lab();
  const auto lab = std::make_shared<Lab>();
  {
    python::Interpreter python(options());
    python.offer("lab", lab);
    say(python.serve("tcp://127.0.0.1:0"));
    wait_for_line();
  }
  check(lab.use_count() == 1, "the object is the program's again");
  check(Probe::living == 0, "and so are those that it made");
  say("ended");
  wait_for_line();
}

// Until Ctrl-C.
void runs() {
  python::Interpreter python(options());
  say(python.serve("tcp://127.0.0.1:0"));
  say(python.run() ? "quiet" : "not quiet");
}

// The thread that made the interpreter waits for Python, which computes for ever.
void computes() {
  python::Interpreter python(options());
  const Connection own = python.connect();
  own.execute("import sys\nprint('computing', flush=True)\nwhile True: pass");
}

// A client's call that never ends: the interpreter is left behind.
void finishes() {
  auto hasty = options();
  hasty.drain_time = std::chrono::milliseconds(100);
  {
    python::Interpreter python(hasty);
    say(python.serve("tcp://127.0.0.1:0"));
    wait_for_line();
    check(!python.stop(), "something runs");
  }
  {
    python::Interpreter again(hasty);
    check(again.connect().eval<int>("1 + 1") == 2, "what was left behind can be joined");
  }
  say("ended");
}

}  // namespace sinew::testing
