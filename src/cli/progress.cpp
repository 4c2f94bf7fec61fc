#include "cli/progress.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace sinew::cli {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kBetween = 100ms;

}  // namespace

Progress::Progress(Terminal& terminal, std::uint64_t total)
    : terminal_(terminal), total_(total), begin_(steady_clock::now()), shown_(begin_) {}

Progress::~Progress() { terminal_.status({}); }

void Progress::begin_file(std::string name) {
  name_ = std::move(name);
  show();
}

void Progress::advance(std::uint64_t bytes) {
  done_ += bytes;
  if (steady_clock::now() - shown_ >= kBetween) show();
}

void Progress::show() {
  shown_ = steady_clock::now();
  const double seconds = std::chrono::duration<double>(shown_ - begin_).count();
  terminal_.status(progress_line(without_controls(name_, false), done_, total_, seconds));
}

std::string progress_line(const std::string& name, std::uint64_t done, std::uint64_t total,
                          double seconds) {
  constexpr std::size_t kWidth = 20;
  // A file that grows meanwhile is more than was said.
  const double share =
      total == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<std::size_t>(share * kWidth);
  std::string line =
      fmt::format("{}  [{:<{}}] {:3.0f} %   {} of {}", name, std::string(filled, '#'), kWidth,
                  share * 100, size_text(done), size_text(std::max(done, total)));
  if (seconds < 0.2 || done == 0) return line;  // too early to tell
  const double rate = static_cast<double>(done) / seconds;
  line += fmt::format("   {}/s", size_text(static_cast<std::uint64_t>(rate)));
  if (done < total)
    line += fmt::format("   {:.0f} s left", static_cast<double>(total - done) / rate);
  return line;
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array kUnits{"B", "kB", "MB", "GB", "TB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace sinew::cli
