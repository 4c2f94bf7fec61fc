#include "embed/start.h"

#include <csignal>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "ext/compat.h"

namespace sinew::python {
namespace {

/// Of the program, before the extension module puts its own in front.
std::terminate_handler of_program = nullptr;

class Config {
 public:
  explicit Config(bool isolated) noexcept {
    isolated ? PyConfig_InitIsolatedConfig(&config_) : PyConfig_InitPythonConfig(&config_);
    config_.parse_argv = 0;
  }
  ~Config() { PyConfig_Clear(&config_); }
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  PyConfig& operator*() noexcept { return config_; }

  void set(wchar_t* PyConfig::* member, const std::string& text) {
    if (!text.empty()) {
      check(PyConfig_SetBytesString(&config_, &(config_.*member), text.c_str()));
    }
  }

  static void check(const PyStatus& status) {
    if (PyStatus_Exception(status) == 0) return;
    throw Error(Error::Kind::kFailed,
                fmt::format("CPython does not start: {}",
                            status.err_msg != nullptr ? status.err_msg : "it wants to exit"));
  }

 private:
  PyConfig config_{};
};

// Python reports a reader that is gone as BrokenPipeError, and has nobody die of it.
void ignore_sigpipe() noexcept {
  struct sigaction now{};
  ::sigaction(SIGPIPE, nullptr, &now);
  if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL) ::signal(SIGPIPE, SIG_IGN);
}

void put_in_front_of_path(const std::vector<std::string>& folders) {
  PyObject* const path = PySys_GetObject("path");
  Py_ssize_t at = 0;
  for (const std::string& folder : folders) {
    const PyRef text = PyRef::steal(PyUnicode_DecodeFSDefault(folder.c_str()));
    if (!text || path == nullptr || PyList_Insert(path, at++, text.get()) != 0) throw_raised();
  }
}

}  // namespace

void start_python(const InterpreterOptions& options) {
  Config config(options.isolated);
  (*config).install_signal_handlers = options.signal_handlers ? 1 : 0;
  config.set(&PyConfig::executable, options.executable);
  config.set(&PyConfig::home, options.home);
  std::string name = options.program_name;
  char* arguments[] = {name.data()};
  Config::check(PyConfig_SetBytesArgv(&*config, 1, arguments));
  of_program = std::get_terminate();
  ignore_sigpipe();
  Config::check(Py_InitializeFromConfig(&*config));
  put_in_front_of_path(options.path);
}

void end_python() noexcept {
  static_cast<void>(Py_FinalizeEx());
  std::set_terminate(of_program);  // the module's takes a crash from now on for Python's end
}

std::string text_of(PyObject* object) noexcept {
  const PyRef text = PyRef::steal(PyObject_Str(object));
  const char* const utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  if (utf8 != nullptr) return utf8;
  PyErr_Clear();
  return "something without a text";
}

void throw_raised(Error::Kind kind, const std::string& what) {
  const PyRef raised = take_exception();
  if (!raised) throw Error(kind, what);
  throw Error(kind, fmt::format("{}{}{}: {}", what, what.empty() ? "" : ": ",
                                Py_TYPE(raised.get())->tp_name, text_of(raised.get())));
}

PyRef make_embedding() {
  const PyRef module = PyRef::steal(PyImport_ImportModule("sinew.embedded"));
  if (!module && PyErr_ExceptionMatches(PyExc_ModuleNotFoundError) == 0) {
    throw_raised(Error::Kind::kUnsupported, "the package sinew cannot be used");
  }
  if (!module) {
    PyRef raised = take_exception();
    PyObject* const path = PySys_GetObject("path");
    const std::string looked = path != nullptr ? text_of(path) : "";
    restore_exception(std::move(raised));
    throw_raised(
        Error::Kind::kUnsupported,
        fmt::format("Python {}.{} has no package sinew {} in {}: install it there, or name "
                    "another place in InterpreterOptions::executable or ::path",
                    PY_MAJOR_VERSION, PY_MINOR_VERSION, SINEW_VERSION, looked));
  }
  PyRef made = PyRef::steal(PyObject_CallMethod(module.get(), "Embedding", nullptr));
  if (!made) throw_raised();
  return made;
}

}  // namespace sinew::python
