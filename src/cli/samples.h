#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace sinew::cli {

/// Durations that were measured. Any number of them: beyond kKept, percentiles in between are those
/// of that many that chance has chosen; all else is exact.
class Samples {
 public:
  static constexpr std::size_t kKept = 100'000;

  void add(std::chrono::nanoseconds time);
  bool empty() const noexcept { return count_ == 0; }
  std::size_t size() const noexcept { return count_; }

  /// The smallest sample that `share` of all are not above, 0 to 1. Of no samples: zero.
  std::chrono::nanoseconds percentile(double share) const;
  std::chrono::nanoseconds mean() const;

  /// A range of doubling size: samples of [from, 2 * from).
  struct Bin {
    std::chrono::nanoseconds from;
    std::size_t count;
  };
  /// From the first range with samples to the last; those in between may be empty.
  std::vector<Bin> histogram() const;

  /// {"count": , "min_us": , "p50_us": , "mean_us": , "p90_us": , "p99_us": , "max_us": }
  std::string json() const;

 private:
  std::size_t count_ = 0;
  std::chrono::nanoseconds sum_{};
  std::chrono::nanoseconds least_{};
  std::chrono::nanoseconds most_{};
  std::array<std::size_t, 64> counts_{};  // of the bin from 2^i ns on
  std::minstd_rand chance_;
  mutable std::vector<std::chrono::nanoseconds> times_;
  mutable bool is_sorted_ = true;
  void sort() const;
};

/// "21.4 us", "3.20 ms", "1.05 s".
std::string duration_text(std::chrono::nanoseconds time);

/// "min 20.1 us, median 21.4 us, mean ..., 90 % ..., 99 % ..., max ..."
std::string summary(const Samples& samples);

}  // namespace sinew::cli
