#include "cli/samples.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>

#include <fmt/format.h>

namespace sinew::cli {
namespace {

using std::chrono::nanoseconds;

double microseconds(nanoseconds time) { return static_cast<double>(time.count()) / 1000; }

nanoseconds bin_of(nanoseconds time) {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 1));
  return nanoseconds(static_cast<std::int64_t>(std::bit_floor(count)));
}

}  // namespace

void Samples::add(nanoseconds time) {
  times_.push_back(time);
  is_sorted_ = false;
}

void Samples::sort() const {
  if (!is_sorted_) std::ranges::sort(times_);
  is_sorted_ = true;
}

nanoseconds Samples::percentile(double share) const {
  if (times_.empty()) return {};
  sort();
  const double rank = std::ceil(share * static_cast<double>(times_.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return times_[std::min(index, times_.size() - 1)];
}

nanoseconds Samples::mean() const {
  if (times_.empty()) return {};
  return std::accumulate(times_.begin(), times_.end(), nanoseconds()) /
         static_cast<std::int64_t>(times_.size());
}

std::vector<Samples::Bin> Samples::histogram() const {
  sort();
  std::vector<Bin> bins;
  for (const nanoseconds time : times_) {
    const nanoseconds from = bin_of(time);
    if (bins.empty()) bins.push_back({from, 0});
    while (bins.back().from < from) bins.push_back({bins.back().from * 2, 0});
    ++bins.back().count;
  }
  return bins;
}

std::string Samples::json() const {
  return fmt::format(
      R"({{"count": {}, "min_us": {:.3f}, "p50_us": {:.3f}, "mean_us": {:.3f}, "p90_us": {:.3f}, )"
      R"("p99_us": {:.3f}, "max_us": {:.3f}}})",
      size(), microseconds(percentile(0)), microseconds(percentile(0.5)), microseconds(mean()),
      microseconds(percentile(0.9)), microseconds(percentile(0.99)), microseconds(percentile(1)));
}

std::string duration_text(nanoseconds time) {
  const double us = microseconds(time);
  if (us < 1000) return fmt::format("{:.1f} us", us);
  if (us < 1e6) return fmt::format("{:.2f} ms", us / 1000);
  return fmt::format("{:.2f} s", us / 1e6);
}

std::string summary(const Samples& samples) {
  return fmt::format("min {}, median {}, mean {}, 90 % {}, 99 % {}, max {}",
                     duration_text(samples.percentile(0)), duration_text(samples.percentile(0.5)),
                     duration_text(samples.mean()), duration_text(samples.percentile(0.9)),
                     duration_text(samples.percentile(0.99)), duration_text(samples.percentile(1)));
}

}  // namespace sinew::cli
