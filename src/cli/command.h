#pragma once

#include <functional>
#include <span>
#include <string_view>

namespace CLI {
class App;
}

namespace sinew::cli {

class Terminal;

/// What a subcommand does once its arguments are read. Returns the exit code; throws what
/// report.h explains to the user: UsageError, MissingError, LocalError, Error, RemoteError,
/// std::exception.
using Run = std::function<int(Terminal&)>;

/// A subcommand is a file of its own with one function, which adds its arguments to `app`, its
/// examples as the footer, and returns what it does. Arguments are kept in a std::shared_ptr that
/// both share:
///
///     Run define_ping(CLI::App& app) {
///       auto said = std::make_shared<Said>();
///       add_target(app, said->target);
///       app.footer("examples:\n  sinew ping lab-7");
///       return [said](Terminal& terminal) { return ping(*said, terminal); };
///     }
///
/// It is declared below and has a row in commands.cpp.
using Define = Run (*)(CLI::App& app);

struct Command {
  std::string_view name;
  std::string_view summary;  ///< a line of `sinew --help`
  Define define;             ///< null: the Python half of the program does it
};

Run define_bench(CLI::App& app);
Run define_call(CLI::App& app);
Run define_completion(CLI::App& app);
Run define_doctor(CLI::App& app);
Run define_download(CLI::App& app);
Run define_get(CLI::App& app);
Run define_ls(CLI::App& app);
Run define_ping(CLI::App& app);
Run define_set(CLI::App& app);
Run define_shell(CLI::App& app);
Run define_trace(CLI::App& app);
Run define_upload(CLI::App& app);

/// All subcommands, in the order of `sinew --help`.
std::span<const Command> commands() noexcept;

/// Null: there is none of that name.
const Command* find_command(std::string_view name) noexcept;

}  // namespace sinew::cli
