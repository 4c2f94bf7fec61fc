#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/interrupts.h"

namespace sinew::cli {

/// Reads lines from the terminal, with editing, history and completion, if libedit is there; plain
/// lines otherwise.
///
/// threads: one.
class LineEditor {
 public:
  enum class Outcome : std::uint8_t { kLine, kEnd, kInterrupted };

  /// What may stand instead of `word`, the name, with dots, in front of the cursor.
  using Complete = std::function<std::vector<std::string>(const std::string& word)>;

  /// `history` is the file that remembers lines between sessions; empty: none. It is read now.
  LineEditor(Interrupts& interrupts, std::string history);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  void complete_with(Complete complete);

  /// The next line, without its end. kInterrupted: Ctrl-C, which is forgotten.
  Outcome read(const std::string& prompt, std::string& line);

  /// The same without editing and history, for a program that asks for input. Throws LocalError,
  /// behind the line, if that is longer than 1 MiB.
  Outcome read_plain(std::string& line);

  /// Remembers a line, here and in the file, of which the last kMaxHistory lines are kept.
  void remember(const std::string& line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline constexpr int kMaxHistory = 1000;

/// The file of the program's own for `name`: in $XDG_STATE_HOME/sinew, or ~/.local/state/sinew; the
/// folder is made, for this user alone. Empty if there is no such place.
std::string state_file(std::string_view name);

/// The name with dots that ends in front of the cursor: "os.pa" of "x = os.pa".
std::string_view word_before(std::string_view text) noexcept;

}  // namespace sinew::cli
