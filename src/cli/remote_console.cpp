#include <array>
#include <atomic>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "cli/console.h"
#include "cli/remote_code.h"
#include "sinew/function.hpp"

namespace sinew::cli {
namespace {

using namespace std::chrono_literals;

// Runs at the server, and ends with the connection. What other threads of it print goes where it
// always went; KeyboardInterrupt is raised in the thread that runs the statement, by interrupt(),
// which another connection calls.
constexpr std::string_view kConsole = R"PY(
import code, ctypes, io, os, platform, rlcompleter, sys, threading, weakref

class Output(io.TextIOBase):
    encoding = "utf-8"

    def __init__(self, console, write, others):
        self._console, self._write, self._others = console, write, others
        self._thread = threading.get_ident()
        self._text = ""

    def writable(self):
        return True

    def write(self, text):
        if threading.get_ident() != self._thread:
            return self._others.write(text)
        self._text += text
        if "\n" in text or len(self._text) > 8000:
            self.flush()
        return len(text)

    def flush(self):
        if threading.get_ident() != self._thread:
            return self._others.flush()
        text, self._text = self._text, ""
        if text:
            self._console.call_out(self._write, text.encode("utf-8", "replace").decode())

class Input(io.TextIOBase):
    def __init__(self, console, read, others):
        self._console, self._read, self._others = console, read, others
        self._thread = threading.get_ident()

    def readable(self):
        return True

    def readline(self, size=-1):
        if threading.get_ident() != self._thread:
            return self._others.readline(size)
        return self._console.call_out(self._read)

    def close(self):
        pass  # exit() does that

class Console(code.InteractiveInterpreter):
    def __init__(self, write, write_error, read):
        super().__init__({"__name__": "__console__", "__doc__": None})
        self._streams = write, write_error, read
        self._thread = self._number = None
        self.failed = self._is_out = self._is_asked = False

    # Not in the middle of a message: an interrupt waits until the client has answered.
    def call_out(self, function, *args):
        self._is_out = True
        try:
            return function(*args)
        finally:
            self._is_out = False
            if self._is_asked:
                self._is_asked = False
                raise KeyboardInterrupt

    def showtraceback(self):
        self.failed = True
        super().showtraceback()

    def showsyntaxerror(self, *args, **kwargs):
        self.failed = True
        super().showsyntaxerror(*args, **kwargs)

    def push(self, number, source, symbol):
        write, write_error, read = self._streams
        before = sys.stdout, sys.stderr, sys.stdin
        sys.stdout = Output(self, write, before[0])
        sys.stderr = Output(self, write_error, before[1])
        sys.stdin = Input(self, read, before[2])
        mine = sys.stdout, sys.stderr
        self.failed = False
        try:
            self._number, self._thread = number, threading.get_ident()
            more = self.runsource(source, "<console>", symbol)
        except SystemExit as leaving:
            return "exit", leaving.code if isinstance(leaving.code, (int, type(None))) else str(leaving.code)
        except KeyboardInterrupt:
            more, self.failed = False, True
            sys.stderr.write("KeyboardInterrupt\n")
        finally:
            self._stop()
            self._is_asked = False
            for stream in mine:
                stream.flush()
            sys.stdout, sys.stderr, sys.stdin = before
        return "more" if more else "failed" if self.failed else "done", None

    def _stop(self):
        for attempt in range(3):  # an interrupt may be on its way still
            try:
                self._thread = None
                for _ in range(20):
                    len(())
                return
            except KeyboardInterrupt:
                pass

    def interrupt(self, number):
        thread = self._thread
        if thread is None or self._number != number:
            return
        if self._is_out:
            self._is_asked = True
        else:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))

    def complete(self, word):
        completer, found = rlcompleter.Completer(self.locals), []
        while len(found) < 200:
            match = completer.complete(word, len(found))
            if match is None:
                break
            found.append(match)
        return tuple(found)

consoles = sys.__dict__.setdefault("_sinew_consoles", weakref.WeakValueDictionary())

def open_console(write, write_error, read):
    console = Console(write, write_error, read)
    consoles[id(console)] = console
    return console, id(console), os.getpid(), platform.python_version(), platform.node()
)PY";

// A statement that computes ends by its KeyboardInterrupt; one that waits in C does not.
constexpr auto kPatience = 150ms;

class RemoteConsole final : public Console {
 public:
  RemoteConsole(Peer& peer, const Target& target, Interrupts& interrupts, LineEditor& editor,
                Terminal& terminal)
      : target_(target), interrupts_(interrupts), editor_(editor), terminal_(terminal) {
    const auto open = define_remotely(peer, kConsole, "open_console");
    const Object made = open(
        [this](const std::string& text) {
          terminal_.print(text);
          terminal_.flush();
        },
        [this](const std::string& text) { terminal_.note_part(text); },
        [this] { return read_input(); });
    console_ = made.item(0);
    key_ = made.item<std::int64_t>(1);
    process_ = made.item<std::int64_t>(2);
    banner_ = fmt::format("Python {} on {}; Ctrl-D ends",
                          without_controls(made.item<std::string>(3), false),
                          without_controls(made.item<std::string>(4), false));
  }

  std::string banner() override { return banner_; }
  const char* prompt(bool goes_on) const noexcept override { return goes_on ? "... " : ">>> "; }
  State run_line(const std::string& text) override { return push(text, "single"); }
  State run_program(const std::string& text) override { return push(text, "exec"); }

  std::vector<std::string> complete(const std::string& word) override {
    return console_.call<std::vector<std::string>>("complete", word);
  }

  // The connection is busy with the statement: another one tells the server.
  void interrupt() override {
    const std::int64_t number = running_.load();
    if (number == 0) return;
    try {
      Target target = target_;
      target.timeout = 2;
      Peer other = open(target);
      if (other.connection.eval<std::int64_t>("__import__('os').getpid()") != process_) return;
      other.connection.module("sys")
          .get("_sinew_consoles")
          .item(key_)
          .call<void>("interrupt", number);
    } catch (const std::exception&) {
      // The wait ends all the same (kPatience).
    }
  }

 private:
  State push(const std::string& text, const char* how) {
    const std::array<Value, 3> arguments{Value(++count_), Value(text), Value(how)};
    running_ = count_;
    const auto stop =
        std::unique_ptr<std::atomic<std::int64_t>, void (*)(std::atomic<std::int64_t>*)>(
            &running_, [](std::atomic<std::int64_t>* running) { *running = 0; });
    const auto call =
        detail::start(console_.value(),
                      {.verb = detail::Verb::kCallMethod, .name = "push", .positional = arguments});
    const Object result(wait_for(*call, interrupts_, kPatience));
    const auto state = result.item<std::string>(0);
    if (state == "exit") leave(result.item(1));
    return state == "exit"     ? State::kExit
           : state == "more"   ? State::kMore
           : state == "failed" ? State::kFailed
                               : State::kDone;
  }

  // As Python does: a number is the code, text is a complaint.
  void leave(const Object& code) {
    if (code.value().kind() == ValueKind::kText) {
      terminal_.note(without_controls(code.str(), true));
      exit_code_ = 1;
    } else if (!code.is_none()) {
      exit_code_ = static_cast<int>(code.as<std::int64_t>() & 0xFF);
    }
  }

  // A line for input() over there; empty at the end of the input.
  std::string read_input() {
    terminal_.flush();
    std::string line;
    const auto outcome = editor_.read_plain(line);
    if (outcome == LineEditor::Outcome::kLine) return line + "\n";
    return {};
  }

  const Target& target_;
  Interrupts& interrupts_;
  LineEditor& editor_;
  Terminal& terminal_;
  Object console_;
  std::int64_t key_ = 0;
  std::int64_t process_ = 0;
  std::int64_t count_ = 0;                // of statements
  std::atomic<std::int64_t> running_{0};  // the number of the statement that runs; 0: none
  std::string banner_;
};

}  // namespace

std::unique_ptr<Console> make_remote_console(Peer& peer, const Target& target,
                                             Interrupts& interrupts, LineEditor& editor,
                                             Terminal& terminal) {
  return std::make_unique<RemoteConsole>(peer, target, interrupts, editor, terminal);
}

}  // namespace sinew::cli
