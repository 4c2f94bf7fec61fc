#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/guarded.h"
#include "cli/command.h"
#include "cli/connecting.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/interrupts.h"
#include "cli/line_editor.h"
#include "cli/terminal.h"

namespace sinew::cli {

using namespace std::chrono_literals;

Value wait_for(detail::Pending& call, Interrupts& interrupts, std::chrono::nanoseconds patience) {
  constexpr auto kLook = 20ms;
  std::chrono::nanoseconds waited{0};
  while (true) {
    const auto begin = std::chrono::steady_clock::now();
    if (call.wait(kLook)) break;
    // Its own time is over: the result says so.
    if (std::chrono::steady_clock::now() - begin < kLook / 2) break;
    if (!interrupts.interrupted()) continue;
    waited += kLook;
    if (waited <= patience) continue;
    call.cancel();
    interrupts.forget();
    throw Interrupted();
  }
  interrupts.forget();
  return call.result();
}

namespace {

struct Said {
  Said() { target.timeout = 0; }

  Target target;
};

// The console that Ctrl-C is for, while something runs; before there is one it ends the program.
struct Running {
  bool is_open = false;
  std::shared_ptr<Console> console;
};

constexpr std::size_t kLongestProgram = std::size_t{64} << 20;

std::string read_all() {
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw LocalError(fmt::format("cannot read standard input: {}", std::strerror(errno)));
    }
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kLongestProgram)
      throw UsageError("the program on standard input is too long");
  }
}

class Session {
 public:
  Session(Console& console, LineEditor& editor, Terminal& terminal)
      : console_(console), editor_(editor), terminal_(terminal) {
    editor_.complete_with([this](const std::string& word) { return complete(word); });
  }

  int run() {
    std::string statement;
    while (true) {
      std::string line;
      const bool goes_on = !statement.empty();
      switch (editor_.read(console_.prompt(goes_on), line)) {
        case LineEditor::Outcome::kEnd: terminal_.line(""); return 0;
        case LineEditor::Outcome::kInterrupted: statement.clear(); continue;
        case LineEditor::Outcome::kLine: break;
      }
      editor_.remember(line);
      statement += (goes_on ? "\n" : "") + line;
      const Console::State state = run_line(statement);
      if (state == Console::State::kExit) return console_.exit_code();
      if (state != Console::State::kMore) statement.clear();
      // An empty statement that goes on is none: the next line begins anew.
    }
  }

 private:
  Console::State run_line(const std::string& statement) {
    try {
      const Console::State state = console_.run_line(statement);
      terminal_.flush();
      return state;
    } catch (const Interrupted&) {
      terminal_.note("interrupted here; the server may go on with it");
      return Console::State::kFailed;
    }
  }

  std::vector<std::string> complete(const std::string& word) {
    try {
      const TimeLimit limit(2s);
      return console_.complete(word);
    } catch (const std::exception&) {
      return {};  // what cannot be evaluated has no completions
    } catch (const Interrupted&) {
      return {};
    }
  }

  Console& console_;
  LineEditor& editor_;
  Terminal& terminal_;
};

int run_shell(const Said& said, Terminal& terminal) {
  Guarded<Running> running;
  Interrupts interrupts([&running] {
    std::shared_ptr<Console> console;
    {
      const auto now = running.lock();
      if (!now->is_open) Interrupts::end_process();
      console = now->console;
    }
    if (console != nullptr) console->interrupt();
  });
  const bool by_hand = ::isatty(STDIN_FILENO) == 1 && terminal.is_terminal();
  Peer peer = open(said.target);
  const bool is_classic = peer.is_classic();
  LineEditor editor(
      interrupts, by_hand ? state_file(is_classic ? "history" : "service-history") : std::string());
  const std::shared_ptr<Console> console =
      is_classic ? make_remote_console(peer, said.target, interrupts, editor, terminal)
                 : make_service_console(peer, interrupts, terminal);
  // While the program comes in, nothing runs that Ctrl-C could stop.
  const std::string program = by_hand ? std::string() : read_all();
  *running.lock() = {true, console};
  int code = 0;
  if (by_hand) {
    terminal.note(console->banner());
    code = Session(*console, editor, terminal).run();
  } else {
    try {
      const Console::State state = console->run_program(program);
      code = state == Console::State::kFailed ? 1 : console->exit_code();
    } catch (const Interrupted&) {
      Interrupts::end_process();
    }
  }
  terminal.flush();
  return code;
}

}  // namespace

Run define_shell(CLI::App& app) {
  auto said = std::make_shared<Said>();
  add_target(app, said->target);
  app.footer(
      R"(At a classic server a Python console: statements run there, what they print is shown here. Tab
completes names, the arrows and Ctrl-R find earlier lines (in $XDG_STATE_HOME/sinew), Ctrl-C
interrupts what runs, Ctrl-D ends. At a service, expressions: sample(1000), x = channel(1), x.name,
help(x). A program on standard input is run without all that; it ends with 1 if it fails.

examples:
  sinew shell lab-7
  sinew shell lab-7:18861
  sinew shell lab-7 < measure.py)");
  return [said](Terminal& terminal) { return run_shell(*said, terminal); };
}

}  // namespace sinew::cli
