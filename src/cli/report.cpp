#include "cli/report.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/exit_codes.h"
#include "sinew/error.hpp"

namespace sinew::cli {
namespace {

Exit exit_of(const Error& error) noexcept {
  switch (error.kind()) {
    case Error::Kind::kUnsupported: return Exit::kUsage;
    case Error::Kind::kOverloaded: return Exit::kRemote;
    default: return Exit::kConnection;
  }
}

struct Told {
  std::string line;
  Exit exit;
};

Told told(std::string_view command, const std::exception_ptr& error, bool verbose,
          const Terminal& terminal) {
  try {
    std::rethrow_exception(error);
  } catch (const RemoteError& remote) {
    if (verbose) terminal.note(without_controls(remote.traceback(), true));
    return {remote.message(), Exit::kRemote};
  } catch (const ConversionError& conversion) {
    return {conversion.message(), Exit::kRemote};
  } catch (const Error& failed) {
    return {failed.message(), exit_of(failed)};
  } catch (const UsageError& usage) {
    return {usage.what(), Exit::kUsage};
  } catch (const MissingError& missing) {
    return {missing.what(), Exit::kRemote};
  } catch (const LocalError& local) {
    return {local.what(), Exit::kLocal};
  } catch (const CLI::ParseError& parse) {
    return {
        fmt::format("{}; see: sinew {}{}--help", parse.what(), command, command.empty() ? "" : " "),
        Exit::kUsage};
  } catch (const std::exception& other) {
    return {other.what(), Exit::kLocal};
  }
}

}  // namespace

int report(std::string_view command, const std::exception_ptr& error, bool verbose,
           const Terminal& terminal) {
  const Told what = told(command, error, verbose, terminal);
  terminal.note(fmt::format("sinew{}{}: {}", command.empty() ? "" : " ", command,
                            without_controls(what.line, false)));
  return static_cast<int>(what.exit);
}

}  // namespace sinew::cli
