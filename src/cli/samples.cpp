#include "cli/samples.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

namespace sinew::cli {
namespace {

using std::chrono::nanoseconds;

double microseconds(nanoseconds time) { return static_cast<double>(time.count()) / 1000; }

std::size_t bin_of(nanoseconds time) {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 1));
  return static_cast<std::size_t>(std::bit_width(count)) - 1;
}

}  // namespace

void Samples::add(nanoseconds time) {
  least_ = count_ == 0 ? time : std::min(least_, time);
  most_ = count_ == 0 ? time : std::max(most_, time);
  sum_ += time;
  ++counts_.at(bin_of(time));
  ++count_;
  if (times_.size() < kKept) {
    times_.push_back(time);
  } else {
    // Each has the same chance to be kept (a reservoir); their order does not matter to that.
    std::uniform_int_distribution<std::size_t> any(0, count_ - 1);
    const std::size_t place = any(chance_);
    if (place >= kKept) return;
    times_[place] = time;
  }
  is_sorted_ = false;
}

void Samples::sort() const {
  if (!is_sorted_) std::ranges::sort(times_);
  is_sorted_ = true;
}

nanoseconds Samples::percentile(double share) const {
  if (count_ == 0) return {};
  if (share <= 0) return least_;
  if (share >= 1) return most_;
  sort();
  const double rank = std::ceil(share * static_cast<double>(times_.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return times_[std::min(index, times_.size() - 1)];
}

nanoseconds Samples::mean() const {
  if (count_ == 0) return {};
  return sum_ / static_cast<std::int64_t>(count_);
}

std::vector<Samples::Bin> Samples::histogram() const {
  std::vector<Bin> bins;
  if (count_ == 0) return bins;
  for (std::size_t i = bin_of(least_); i <= bin_of(most_); ++i) {
    bins.push_back({nanoseconds(std::int64_t{1} << i), counts_.at(i)});
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
