#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/connecting.h"
#include "cli/interrupts.h"
#include "cli/line_editor.h"
#include "cli/terminal.h"
#include "sinew/detail/request.hpp"

namespace sinew::cli {

/// What a shell talks to: takes what the user types, line by line or as a whole program.
///
/// threads: one, but for interrupt().
class Console {
 public:
  enum class State : std::uint8_t {
    kDone,
    kMore,    ///< the statement goes on in the next line
    kFailed,  ///< and the user has been told why
    kExit,    ///< the user wants to leave; exit_code() is set
  };

  virtual ~Console() = default;

  /// A line about what is at the other end.
  virtual std::string banner() = 0;
  virtual const char* prompt(bool goes_on) const noexcept = 0;

  /// Runs what has been typed so far of a statement; Ctrl-C stops it. Throws what asking the peer
  /// throws.
  virtual State run_line(const std::string& text) = 0;

  /// Runs a program that did not come from a keyboard.
  virtual State run_program(const std::string& text) = 0;

  virtual std::vector<std::string> complete(const std::string& word) = 0;

  /// Ctrl-C while something runs. threads: any.
  virtual void interrupt() {}

  int exit_code() const noexcept { return exit_code_; }

 protected:
  int exit_code_ = 0;
};

/// A Python console whose statements run at a classic server; what they print is shown here, and
/// what they ask for is read here.
std::unique_ptr<Console> make_remote_console(Peer& peer, const Target& target,
                                             Interrupts& interrupts, LineEditor& editor,
                                             Terminal& terminal);

/// Expressions over what a service offers: `sample(1000)`, `x = channel(1)`, `x.name`, `help(x)`.
std::unique_ptr<Console> make_service_console(Peer& peer, Interrupts& interrupts,
                                              Terminal& terminal);

/// Thrown when Ctrl-C has ended the wait for a call.
struct Interrupted {};

/// The result of a call; Ctrl-C gives it up after `patience`, in which the peer may end it itself.
/// Throws Interrupted.
Value wait_for(detail::Pending& call, Interrupts& interrupts, std::chrono::nanoseconds patience);

}  // namespace sinew::cli
