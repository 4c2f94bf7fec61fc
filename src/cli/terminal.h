#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sinew::cli {

/// Where the program prints: results to standard output, everything about them to standard error.
/// Into a pipe or a file goes the bare result: no colour, no progress, nothing escaped.
///
/// threads: one, but for note().
class Terminal {
 public:
  enum class Style : std::uint8_t { kPlain, kBold, kDim, kGood, kBad, kName };

  /// Looks at what standard output and standard error are, at NO_COLOR and at TERM.
  Terminal();

  bool is_terminal() const noexcept { return out_is_terminal_; }
  bool shows_progress() const noexcept { return error_is_terminal_; }

  /// Columns of the terminal that standard error is; 80 if that is not known.
  std::size_t width() const noexcept;

  /// Result text, as it is.
  void print(std::string_view text);
  void line(std::string_view text);

  /// A line about the result, on standard error. threads: any.
  void note(std::string_view text) const;

  /// Text on standard error, as it is, behind what was printed.
  void note_part(std::string_view text) const;

  /// A line on standard error that the next one replaces; nothing unless that is a terminal. An
  /// empty one takes it away.
  void status(std::string_view text);

  /// `text` in a style, if standard output shows styles.
  std::string styled(Style style, std::string_view text) const;

  /// `text` of the peer's for standard output: on a terminal control characters are shown as
  /// escapes, because they could do anything with it. Line ends and tabs stay.
  std::string shown(std::string_view text) const;

  /// Throws LocalError if what was printed could not be written.
  void flush();

 private:
  const bool out_is_terminal_;
  const bool error_is_terminal_;
  const bool is_coloured_;
  bool has_status_ = false;
};

/// `text` with its control characters as escapes; with `keep_lines`, line ends and tabs stay.
std::string without_controls(std::string_view text, bool keep_lines);

}  // namespace sinew::cli
