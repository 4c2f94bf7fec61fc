#include "cli/samples.h"

#include <gtest/gtest.h>

namespace sinew::cli {
namespace {

using namespace std::chrono_literals;

TEST(Samples, PercentilesAreSamples) {
  Samples samples;
  for (int i = 100; i >= 1; --i) samples.add(std::chrono::microseconds(i));
  EXPECT_EQ(samples.percentile(0), 1us);
  EXPECT_EQ(samples.percentile(0.5), 50us);
  EXPECT_EQ(samples.percentile(0.99), 99us);
  EXPECT_EQ(samples.percentile(1), 100us);
  EXPECT_EQ(samples.mean(), 50500ns);
}

TEST(Samples, OfNothingAreZero) {
  EXPECT_EQ(Samples().percentile(0.5), 0ns);
  EXPECT_EQ(Samples().mean(), 0ns);
  EXPECT_TRUE(Samples().histogram().empty());
}

TEST(Samples, BinsDoubleAndHaveNoGaps) {
  Samples samples;
  for (const auto time : {5000ns, 4096ns, 20000ns, 0ns}) samples.add(time);
  const auto bins = samples.histogram();
  ASSERT_EQ(bins.size(), 15U);  // 1 ns to 16384 ns
  EXPECT_EQ(bins.front().from, 1ns);
  EXPECT_EQ(bins.front().count, 1U);
  EXPECT_EQ(bins[12].from, 4096ns);
  EXPECT_EQ(bins[12].count, 2U);
  EXPECT_EQ(bins[13].count, 0U);
  EXPECT_EQ(bins.back().count, 1U);
}

TEST(Samples, OfAnyNumberAreExactButForPercentilesInBetween) {
  Samples samples;
  constexpr std::int64_t kMany = 3 * static_cast<std::int64_t>(Samples::kKept);
  for (std::int64_t i = 1; i <= kMany; ++i) samples.add(std::chrono::nanoseconds(i));
  EXPECT_EQ(samples.size(), static_cast<std::size_t>(kMany));
  EXPECT_EQ(samples.percentile(0), 1ns);
  EXPECT_EQ(samples.percentile(1), std::chrono::nanoseconds(kMany));
  EXPECT_EQ(samples.mean(), std::chrono::nanoseconds((kMany + 1) / 2));
  const double middle = static_cast<double>(samples.percentile(0.5).count());
  EXPECT_NEAR(middle / static_cast<double>(kMany), 0.5, 0.02);
  std::size_t counted = 0;
  for (const auto& bin : samples.histogram()) counted += bin.count;
  EXPECT_EQ(counted, samples.size());
}

TEST(DurationText, HasAFittingUnit) {
  EXPECT_EQ(duration_text(21400ns), "21.4 us");
  EXPECT_EQ(duration_text(3200us), "3.20 ms");
  EXPECT_EQ(duration_text(1050ms), "1.05 s");
}

}  // namespace
}  // namespace sinew::cli
