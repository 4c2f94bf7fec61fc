#include "cli/progress.h"

#include <gtest/gtest.h>

namespace sinew::cli {
namespace {

TEST(SizeText, HasAFittingUnit) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(999), "999 B");
  EXPECT_EQ(size_text(1500), "1.5 kB");
  EXPECT_EQ(size_text(999'949), "999.9 kB");
  EXPECT_EQ(size_text(999'960), "1.0 MB");
  EXPECT_EQ(size_text(12'300'000'000), "12.3 GB");
}

TEST(ProgressLine, SaysHowFarAndHowLong) {
  EXPECT_EQ(progress_line("lamp", 5'000'000, 10'000'000, 2),
            "lamp  [##########          ]  50 %   5.0 MB of 10.0 MB   2.5 MB/s   2 s left");
  EXPECT_EQ(progress_line("lamp", 0, 10, 0), "lamp  [                    ]   0 %   0 B of 10 B");
}

TEST(ProgressLine, OfNothingAndOfMoreThanWasSaid) {
  EXPECT_EQ(progress_line("lamp", 0, 0, 1), "lamp  [####################] 100 %   0 B of 0 B");
  EXPECT_EQ(progress_line("lamp", 20, 10, 1),
            "lamp  [####################] 100 %   20 B of 20 B   20 B/s");
}

}  // namespace
}  // namespace sinew::cli
