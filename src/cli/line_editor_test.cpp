#include "cli/line_editor.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace sinew::cli {
namespace {

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
