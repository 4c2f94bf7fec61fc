#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/console.h"
#include "cli/evaluator.h"
#include "cli/exit_codes.h"
#include "cli/mapping.h"
#include "cli/members.h"
#include "cli/printing.h"

namespace sinew::cli {
namespace {

using namespace std::chrono_literals;

// "x = f(1)": the name and the rest; no name if it is no assignment.
std::pair<std::string, std::string> split_assignment(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || text.compare(equals, 2, "==") == 0) return {{}, text};
  const std::size_t begin = text.find_first_not_of(" \t");
  const std::size_t end = text.find_last_not_of(" \t", equals == 0 ? 0 : equals - 1);
  if (end == std::string::npos || begin > end) return {{}, text};
  std::string name = text.substr(begin, end - begin + 1);
  if (!is_name(name)) return {{}, text};
  return {std::move(name), text.substr(equals + 1)};
}

class ServiceConsole final : public Console {
 public:
  ServiceConsole(Peer& peer, Interrupts& interrupts, Terminal& terminal)
      : peer_(peer), terminal_(terminal), evaluator_(peer) {
    define_mapping();
    evaluator_.ask_with([&interrupts](const Value& target, const detail::Request& request) {
      return wait_for(*detail::start(target, request), interrupts, 0ms);
    });
  }

  std::string banner() override {
    return fmt::format("{}: NAME, NAME(ARGS), X = ..., help(X); Ctrl-D ends",
                       without_controls(peer_.root.type_name(), false));
  }
  const char* prompt(bool /*goes_on*/) const noexcept override { return "> "; }

  State run_line(const std::string& text) override {
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return State::kDone;
    if (text == "exit" || text == "quit" || text == "exit()" || text == "quit()") {
      return State::kExit;
    }
    try {
      run(text);
      return State::kDone;
    } catch (const RemoteError& error) {
      terminal_.note(without_controls(error.message(), false));
    } catch (const ConversionError& error) {
      terminal_.note(without_controls(error.message(), false));
    } catch (const UsageError& error) {
      terminal_.note(without_controls(error.what(), false));
    }
    return State::kFailed;
  }

  State run_program(const std::string& text) override {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const State state = run_line(text.substr(at, end - at));
      if (state != State::kDone) return state;
      at = end + 1;
    }
    return State::kDone;
  }

  std::vector<std::string> complete(const std::string& word) override {
    const std::size_t dot = word.rfind('.');
    const std::string owner = dot == std::string::npos ? "" : word.substr(0, dot);
    const std::string start = dot == std::string::npos ? word : word.substr(dot + 1);
    std::vector<std::string> found;
    const auto add = [&](const std::string& name) {
      if (!name.starts_with(start)) return;
      found.push_back(owner.empty() ? name : owner + "." + name);
    };
    const Object thing = owner.empty() ? peer_.root : evaluator_.evaluate(parse_expression(owner));
    for (const std::string& name : member_names(thing)) add(name);
    if (owner.empty()) {
      for (const auto& [name, value] : evaluator_.variables()) add(name);
      add("help");
    }
    std::ranges::sort(found);
    return found;
  }

 private:
  void run(const std::string& text) {
    const auto [name, expression] = split_assignment(text);
    const Node node = parse_expression(expression);
    const bool is_help = node.kind == Node::Kind::kCall &&
                         node.parts[0].kind == Node::Kind::kName && node.parts[0].name == "help";
    if (is_help && node.parts.size() <= 2) {
      const Object thing = node.parts.size() == 1 ? peer_.root : evaluator_.evaluate(node.parts[1]);
      return print_listing(list_members(peer_, thing), terminal_);
    }
    Object result = evaluator_.evaluate(node);
    if (name.empty()) {
      if (!result.is_none()) terminal_.line(terminal_.shown(result.repr()));
    } else {
      evaluator_.variables().insert_or_assign(name, std::move(result));
    }
  }

  Peer& peer_;
  Terminal& terminal_;
  Evaluator evaluator_;
};

}  // namespace

std::unique_ptr<Console> make_service_console(Peer& peer, Interrupts& interrupts,
                                              Terminal& terminal) {
  return std::make_unique<ServiceConsole>(peer, interrupts, terminal);
}

}  // namespace sinew::cli
