#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "cli/exit_codes.h"

namespace sinew::cli {
namespace {

bool wants_colour(bool is_terminal) {
  const char* const no_colour = std::getenv("NO_COLOR");  // https://no-color.org
  if (!is_terminal || (no_colour != nullptr && *no_colour != '\0')) return false;
  const char* const kind = std::getenv("TERM");
  return kind != nullptr && std::strcmp(kind, "dumb") != 0;
}

void write_all(std::FILE* file, std::string_view text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), file));  // flush() looks
}

std::string_view code_of(Terminal::Style style) noexcept {
  switch (style) {
    case Terminal::Style::kBold: return "1";
    case Terminal::Style::kDim: return "2";
    case Terminal::Style::kGood: return "32";
    case Terminal::Style::kBad: return "31";
    case Terminal::Style::kName: return "36";
    case Terminal::Style::kPlain: break;
  }
  return {};
}

}  // namespace

Terminal::Terminal()
    : out_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      error_is_terminal_(::isatty(STDERR_FILENO) == 1),
      is_coloured_(wants_colour(out_is_terminal_)) {}

std::size_t Terminal::width() const noexcept {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void Terminal::print(std::string_view text) {
  if (has_status_ && out_is_terminal_) status({});
  write_all(stdout, text);
}

void Terminal::line(std::string_view text) {
  print(text);
  write_all(stdout, "\n");
}

void Terminal::note(std::string_view text) const { note_part(std::string(text) + "\n"); }

void Terminal::note_part(std::string_view text) const {
  std::fflush(stdout);
  write_all(stderr, text);
}

void Terminal::status(std::string_view text) {
  if (!error_is_terminal_) return;
  std::fflush(stdout);
  write_all(stderr, fmt::format("\r\x1b[K{}", text.substr(0, width() - 1)));
  std::fflush(stderr);
  has_status_ = !text.empty();
}

std::string Terminal::styled(Style style, std::string_view text) const {
  if (!is_coloured_ || style == Style::kPlain || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code_of(style), text);
}

std::string Terminal::shown(std::string_view text) const {
  return out_is_terminal_ ? without_controls(text, true) : std::string(text);
}

void Terminal::flush() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw LocalError("cannot write the result to standard output");
  }
}

std::string without_controls(std::string_view text, bool keep_lines) {
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    if (c == 0xC2 && next >= 0x80 && next < 0xA0) {  // the second row of controls, in UTF-8
      shown += fmt::format("\\x{:02x}", next);
      ++i;
    } else if ((c >= 0x20 && c != 0x7F) || (keep_lines && (c == '\n' || c == '\t'))) {
      shown += static_cast<char>(c);
    } else {
      shown += c == '\n' ? "\\n" : c == '\t' ? "\\t" : fmt::format("\\x{:02x}", c);
    }
  }
  return shown;
}

}  // namespace sinew::cli
