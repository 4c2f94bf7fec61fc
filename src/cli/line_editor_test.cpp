#include "cli/line_editor.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "cli/exit_codes.h"
#include "cli/interrupts.h"

namespace sinew::cli {
namespace {

// Makes a text the standard input, until it goes.
class StandardInput {
 public:
  explicit StandardInput(const std::string& text) : before_(::dup(STDIN_FILENO)) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
    std::fwrite(text.data(), 1, text.size(), file.get());
    std::rewind(file.get());
    ::dup2(::fileno(file.get()), STDIN_FILENO);
  }
  ~StandardInput() {
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
  }
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;

 private:
  const int before_;
};

TEST(LineEditor, LosesNothingOfALineThatIsTooLong) {
  constexpr std::size_t kLongest = std::size_t{1} << 20;
  const StandardInput input(std::string(kLongest + 1, 'a') + "\nc\n");
  Interrupts interrupts([] {});
  LineEditor editor(interrupts, {});
  std::string line;
  EXPECT_THROW(editor.read_plain(line), LocalError);
  EXPECT_EQ(editor.read_plain(line), LineEditor::Outcome::kLine);
  EXPECT_EQ(line, "c");
}

TEST(WordBefore, IsANameWithDots) {
  EXPECT_EQ(word_before("x = os.pa"), "os.pa");
  EXPECT_EQ(word_before("f(a, b"), "b");
  EXPECT_EQ(word_before("f("), "");
  EXPECT_EQ(word_before(""), "");
}

TEST(StateFile, IsInAFolderOfThisUserAlone) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(testing::TempDir()) / "sinew_state_test";
  fs::remove_all(root);
  ::setenv("XDG_STATE_HOME", root.c_str(), 1);
  EXPECT_EQ(state_file("history"), (root / "sinew" / "history").string());
  EXPECT_EQ(fs::status(root / "sinew").permissions(), fs::perms::owner_all);
  fs::remove_all(root);
  ::unsetenv("XDG_STATE_HOME");
}

}  // namespace
}  // namespace sinew::cli
