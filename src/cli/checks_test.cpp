#include "cli/checks.h"

#include <gtest/gtest.h>

#include <ctime>
#include <stdexcept>

namespace sinew::cli {
namespace {

std::string date_in(double days) {
  const std::time_t then = std::time(nullptr) + static_cast<std::time_t>(days * 86400);
  std::tm parts{};
  ::gmtime_r(&then, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%b %e %H:%M:%S %Y GMT", &parts);
  return text;
}

TEST(DaysUntil, AreCountedFromNow) {
  EXPECT_NEAR(days_until(date_in(10)), 10, 0.01);
  EXPECT_NEAR(days_until(date_in(-2.5)), -2.5, 0.01);
}

TEST(DaysUntil, WantsACertificatesDate) {
  EXPECT_THROW(days_until("2026-11-21"), std::invalid_argument);
  EXPECT_THROW(days_until("Nov 21 14:10:59 2026 CET"), std::invalid_argument);
}

}  // namespace
}  // namespace sinew::cli
