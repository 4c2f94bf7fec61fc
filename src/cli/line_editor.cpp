#include "cli/line_editor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "cli/exit_codes.h"
#include "cli/libedit.h"
#include "cli/terminal.h"

namespace sinew::cli {
namespace {

// libedit counts characters by the locale; one without UTF-8 would lose what is not ASCII.
void use_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
}

std::string common_start(const std::vector<std::string>& words) {
  std::string start = words.front();
  for (const std::string& word : words) {
    const auto differ = std::ranges::mismatch(start, word);
    start.erase(differ.in1, start.end());
  }
  return start;
}

}  // namespace

struct LineEditor::State {
  State(Interrupts& its_interrupts, std::string its_file)
      : interrupts(its_interrupts), file(std::move(its_file)), libedit(LibEdit::get()) {
    if (libedit == nullptr) return;
    use_utf8();
    editor = libedit->el_init("sinew", stdin, stdout, stderr);
    past = libedit->history_init();
    if (editor == nullptr || past == nullptr) return;
    set_up();
  }

  ~State() {
    if (past != nullptr) libedit->history_end(past);
    if (editor != nullptr) libedit->el_end(editor);
  }

  void set_up() {
    HistEvent event;
    libedit->el_set(editor, EL_CLIENTDATA, this);
    libedit->el_set(editor, EL_PROMPT, &State::tell_prompt);
    libedit->el_set(editor, EL_EDITOR, "emacs");
    libedit->el_set(editor, EL_SIGNAL, 0);
    libedit->el_set(editor, EL_GETCFN, &State::read_character);
    libedit->history(past, &event, H_SETSIZE, kMaxHistory);
    libedit->history(past, &event, H_SETUNIQUE, 1);
    libedit->el_set(editor, EL_HIST, libedit->history, past);
    libedit->el_set(editor, EL_ADDFN, "sinew-complete", "Completes a name", &State::complete_word);
    libedit->el_set(editor, EL_BIND, "^I", "sinew-complete", nullptr);
    libedit->el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    if (!file.empty()) libedit->history(past, &event, H_LOAD, file.c_str());
  }

  static State& of(EditLine* editor) {
    void* data = nullptr;
    LibEdit::get()->el_get(editor, EL_CLIENTDATA, &data);
    return *static_cast<State*>(data);
  }

  static char* tell_prompt(EditLine* editor) { return of(editor).prompt.data(); }

  // One character from the terminal; -1 at its end and at Ctrl-C, which libedit then returns from.
  static int read_character(EditLine* editor, wchar_t* into) {
    State& state = of(editor);
    const std::optional<std::uint8_t> first = state.read_byte();
    if (!first) return state.interrupted ? -1 : 0;
    std::uint32_t code = *first;
    int more = 0;
    if (code >= 0xF0) {
      code &= 0x07;
      more = 3;
    } else if (code >= 0xE0) {
      code &= 0x0F;
      more = 2;
    } else if (code >= 0xC0) {
      code &= 0x1F;
      more = 1;
    }
    for (; more > 0; --more) {
      const std::optional<std::uint8_t> next = state.read_byte();
      if (!next) return state.interrupted ? -1 : 0;
      code = (code << 6) | (*next & 0x3F);
    }
    *into = static_cast<wchar_t>(code);
    return 1;
  }

  // Nothing: the end, or Ctrl-C.
  std::optional<std::uint8_t> read_byte() {
    while (true) {
      std::array entries{pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                         pollfd{.fd = interrupts.descriptor(), .events = POLLIN, .revents = 0}};
      if (::poll(entries.data(), entries.size(), -1) < 0 && errno == EINTR) continue;
      if (entries[1].revents != 0) {
        interrupted = true;
        errno = EINTR;
        return std::nullopt;
      }
      std::uint8_t byte = 0;
      const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
      if (got == 1) return byte;
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      return std::nullopt;
    }
  }

  static unsigned char complete_word(EditLine* editor, int /*key*/) {
    State& state = of(editor);
    const LineInfo* const line = state.libedit->el_line(editor);
    const std::string_view before(line->buffer,
                                  static_cast<std::size_t>(line->cursor - line->buffer));
    const std::string word(word_before(before));
    if (word.empty()) {  // indentation
      state.libedit->el_insertstr(editor, "    ");
      return CC_REFRESH;
    }
    std::vector<std::string> found;
    if (state.complete) found = state.complete(word);
    // What would do something with the terminal is no name.
    std::erase_if(found, [](const auto& one) { return without_controls(one, false) != one; });
    if (found.empty()) return CC_REFRESH_BEEP;
    const std::string start = common_start(found);
    if (start.size() > word.size() && start.starts_with(word)) {
      state.libedit->el_insertstr(editor, start.substr(word.size()).c_str());
      return CC_REFRESH;
    }
    if (found.size() == 1) return CC_REFRESH;
    std::fputc('\n', stdout);
    for (const std::string& one : found) std::fprintf(stdout, "%s  ", one.c_str());
    std::fputc('\n', stdout);
    return CC_REDISPLAY;
  }

  Interrupts& interrupts;
  const std::string file;
  const LibEdit* const libedit;
  EditLine* editor = nullptr;
  History* past = nullptr;
  Complete complete;
  std::string prompt;
  bool interrupted = false;
};

LineEditor::LineEditor(Interrupts& interrupts, std::string history)
    : state_(std::make_unique<State>(interrupts, std::move(history))) {}

LineEditor::~LineEditor() = default;

void LineEditor::complete_with(Complete complete) { state_->complete = std::move(complete); }

LineEditor::Outcome LineEditor::read(const std::string& prompt, std::string& line) {
  if (state_->editor == nullptr) {
    std::fputs(prompt.c_str(), stdout);
    std::fflush(stdout);
    return read_plain(line);
  }
  state_->prompt = prompt;
  state_->interrupted = false;
  int count = 0;
  state_->libedit->el_resize(state_->editor);
  const char* const text = state_->libedit->el_gets(state_->editor, &count);
  if (state_->interrupted) {
    state_->interrupts.forget();
    std::fputc('\n', stdout);
    return Outcome::kInterrupted;
  }
  if (text == nullptr || count <= 0) return Outcome::kEnd;
  line.assign(text, static_cast<std::size_t>(count));
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  return Outcome::kLine;
}

LineEditor::Outcome LineEditor::read_plain(std::string& line) {
  constexpr std::size_t kLongest = std::size_t{1} << 20;
  line.clear();
  state_->interrupted = false;
  std::size_t size = 0;
  const auto complete = [&] {
    if (size > kLongest) throw LocalError("a line of the input is longer than 1 MiB");
    return Outcome::kLine;
  };
  while (const std::optional<std::uint8_t> byte = state_->read_byte()) {
    if (*byte == '\n') return complete();
    if (++size <= kLongest) line += static_cast<char>(*byte);
  }
  if (state_->interrupted) {
    state_->interrupts.forget();
    return Outcome::kInterrupted;
  }
  return line.empty() ? Outcome::kEnd : complete();
}

void LineEditor::remember(const std::string& line) {
  if (state_->past == nullptr || line.find_first_not_of(" \t") == std::string::npos) return;
  HistEvent event;
  state_->libedit->history(state_->past, &event, H_ENTER, line.c_str());
  if (state_->file.empty()) return;
  // What was typed may be a secret: it is this user's alone.
  const mode_t before = ::umask(0077);
  state_->libedit->history(state_->past, &event, H_SAVE, state_->file.c_str());
  ::umask(before);
}

std::string state_file(std::string_view name) {
  namespace fs = std::filesystem;
  const char* const state = std::getenv("XDG_STATE_HOME");
  const char* const home = std::getenv("HOME");
  fs::path folder;
  if (state != nullptr && *state == '/') {  // the specification ignores what is relative
    folder = state;
  } else if (home != nullptr && *home == '/') {
    folder = fs::path(home) / ".local" / "state";
  } else {
    return {};
  }
  std::error_code failed;
  folder /= "sinew";
  if (fs::create_directories(folder, failed)) {
    fs::permissions(folder, fs::perms::owner_all, failed);
  }
  return failed ? std::string() : (folder / name).string();
}

std::string_view word_before(std::string_view text) noexcept {
  std::size_t begin = text.size();
  while (begin > 0) {
    const auto c = static_cast<unsigned char>(text[begin - 1]);
    const bool is_part = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '.' || c >= 0x80;
    if (!is_part) break;
    --begin;
  }
  return text.substr(begin);
}

}  // namespace sinew::cli
