#pragma once

/// CPython inside a C++ program, as one more interpreter to drive: the optional component `python`
/// of the library (`find_package(sinew COMPONENTS python)`, `sinew::python`). Only what is compiled
/// of it needs CPython; this header does not.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/sinew.hpp"

namespace sinew::python {

/// How to start the interpreter. What is left empty is as it is when one starts `python3`.
struct InterpreterOptions {
  /// The bin/python of a virtual environment, of the same version as the CPython that the program
  /// is linked to: its packages are there then.
  std::string executable;

  /// Where the standard library is, as PYTHONHOME says it.
  std::string home;

  /// Folders in front of sys.path.
  std::vector<std::string> path;

  /// Python's `sys.argv[0]`.
  std::string program_name;

  /// Heed neither variables such as PYTHONPATH nor the packages of the user.
  bool isolated = false;

  /// Let Python handle SIGINT: KeyboardInterrupt, wherever Python code runs on the thread that made
  /// the interpreter. By default signals are the program's. (SIGPIPE is ignored either way, unless
  /// the program handles it: Python expects that.)
  bool signal_handlers = false;

  /// How long stop() waits for what still runs in Python.
  std::chrono::nanoseconds drain_time = std::chrono::seconds(5);
};

/// How an object is offered to Python code.
struct OfferOptions {
  /// How many calls of it may run at once; others wait. With one the object needs no lock against
  /// Python, but a method that waits for another call of it waits for ever. 1000 at most.
  std::size_t threads = 1;
};

/// The CPython interpreter of this process. The program drives it with the same Connection that
/// drives one on another machine, offers it objects, and may serve it, with them, to others:
///
///     sinew::python::Interpreter python;
///     python.offer("plant", std::make_shared<Plant>());    // `import plant`
///     auto own = python.connect();
///     own.execute("import plant; plant.open_valve(3)");
///     python.serve("tcp://127.0.0.1:18812");               // rpyc.classic.connect("127.0.0.1")
///
/// The package `sinew` has to be among those that the interpreter finds.
///
/// No thread of the program ever holds the GIL while a C++ function runs or a call waits: Python
/// code runs on threads of Python's, C++ functions on threads of the program's, and calls between
/// them are messages inside the process (10 to 20 us). Whoever calls holds no lock that the callee
/// needs: it runs on another thread.
///
/// One for a process, made once. If the program has started CPython before, this joins it, and
/// leaves it running.
///
/// The destructor does what stop() does, and then ends the interpreter if this has started it, it
/// is quiet, and this is the thread that made it; that thread is Python's main thread. Otherwise
/// the interpreter is left to the end of the process. Before it, let go of what uses CPython
/// directly.
///
/// threads: any that does not hold the GIL.
class Interpreter {
 public:
  /// Throws Error: kUnsupported when Python does not find the package `sinew`, or when an
  /// interpreter of this process has ended (modules such as numpy do not survive that); kFailed
  /// when CPython does not start, with its reason, or when there is an Interpreter.
  explicit Interpreter(const InterpreterOptions& options = {});
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  /// A connection to the interpreter, like one to a classic server: module(), eval(), execute().
  /// Calls over it run one after the other, on a thread of Python's that is its own; for two that
  /// are to run at once make two. Without options calls have no time limit but TimeLimit.
  Connection connect() const;
  Connection connect(const Options& options) const;

  /// Makes `import name` in Python give a module with the members of `object`: one of ours, a
  /// std::shared_ptr of a class that has a service(), for instance. Scripts on other machines reach
  /// it as `conn.modules.name`. The object lives until stop(), or as long as Python holds parts.
  /// Throws Error (kFailed) when there is such a module, or the name is no identifier.
  void offer(std::string_view name, const Object& object, const OfferOptions& options = {});
  void offer(std::string_view name, const Module& module, const OfferOptions& options = {}) {
    offer(name, module.object(), options);
  }

  /// Serves the interpreter to other machines as a classic server, in the background, until stop();
  /// returns the address, with the port that was chosen. Whoever connects may do what the program
  /// may: serve those that you trust. As in Server, an address that other machines reach needs
  /// certificates or a token, or `insecure`. Each client has a thread: kUnsupported for another
  /// ServerOptions::kind, and for an authenticator. Throws Error.
  std::string serve(std::string_view uri, const ServerOptions& options = {});

  /// Waits until stop() is called, or until SIGINT or SIGTERM comes if the program has no handlers
  /// of its own for them; then as stop().
  bool run();

  /// Ends, in this order: servers and their clients' connections, connections of connect(), offered
  /// objects. Then waits, drain_time at most, until no Python code runs any more for any of them or
  /// on a thread that is no daemon. True if so: the interpreter is quiet. C++ functions
  /// that were called from Python are asked to stop (std::stop_token), and waited for however long
  /// they take. More than once is allowed. Throws Error (kFailed) inside of such a function.
  bool stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinew::python
