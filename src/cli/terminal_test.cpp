#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace sinew::cli {
namespace {

TEST(WithoutControls, NothingReachesTheTerminalThatCouldMoveItsCursor) {
  EXPECT_EQ(without_controls("a\x1b[2Jb\x07\x7f\r", true), "a\\x1b[2Jb\\x07\\x7f\\x0d");
  EXPECT_EQ(without_controls("\xc2\x9b 1m", true), "\\x9b 1m");
}

TEST(WithoutControls, LinesStayIfTheyMay) {
  EXPECT_EQ(without_controls("a\n\tb", true), "a\n\tb");
  EXPECT_EQ(without_controls("a\n\tb", false), "a\\n\\tb");
}

TEST(WithoutControls, TextBeyondAsciiStays) {
  EXPECT_EQ(without_controls("\xc3\xa9 \xe2\x82\xac", false), "\xc3\xa9 \xe2\x82\xac");
  EXPECT_EQ(without_controls("\xc2\xa9", false), "\xc2\xa9");
}

}  // namespace
}  // namespace sinew::cli
