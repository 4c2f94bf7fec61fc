#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/terminal.h"

namespace sinew::cli {

/// How far a transfer is, on the terminal, a few times a second; nothing where there is none.
///
/// threads: one.
class Progress {
 public:
  /// Of `total` bytes altogether.
  Progress(Terminal& terminal, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void begin_file(std::string name);
  void advance(std::uint64_t bytes);

 private:
  void show();

  Terminal& terminal_;
  const std::uint64_t total_;
  const std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point shown_;
  std::uint64_t done_ = 0;
  std::string name_;
};

/// The line itself: "lamp.bin  [#####     ]  50 %   5.0 MB of 10.0 MB   2.5 MB/s   2 s left".
std::string progress_line(const std::string& name, std::uint64_t done, std::uint64_t total,
                          double seconds);

/// "512 B", "1.5 kB", "12.3 MB".
std::string size_text(std::uint64_t bytes);

}  // namespace sinew::cli
