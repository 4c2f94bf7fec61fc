#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sinew::wire::testdata {

/// For tests only: the bytes recorded from stock peers that lie in testdata/. A file is lines of
/// tab-separated fields; those that begin with '#' are comments.

using Bytes = std::vector<std::uint8_t>;

inline Bytes from_hex(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    throw std::invalid_argument("not hex");
  };
  Bytes bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    if (high < 0) {
      high = digit(c);
    } else {
      bytes.push_back(static_cast<std::uint8_t>(high * 16 + digit(c)));
      high = -1;
    }
  }
  if (high >= 0) throw std::invalid_argument("half a byte");
  return bytes;
}

inline std::string to_hex(ByteView bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

/// The folder of the data.
std::filesystem::path folder();

/// The fields of each line of a file.
inline std::vector<std::vector<std::string>> read_table(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("no test data at " + path.string());
  std::vector<std::vector<std::string>> table;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string>& fields = table.emplace_back();
    std::istringstream text(line);
    for (std::string field; std::getline(text, field, '\t');) fields.push_back(field);
  }
  return table;
}

/// A value's brine and its repr(), which is shortened with "..." when long.
struct Vector {
  Bytes brine;
  std::string repr;
};

inline std::vector<Vector> vectors() {
  std::vector<Vector> all;
  for (const auto& row : read_table(folder() / "brine-vectors.hex")) {
    all.push_back({from_hex(row.at(0)), row.at(1)});
  }
  return all;
}

/// A whole frame of a recorded session, and what it says in dump_payload()'s words.
struct RecordedFrame {
  std::string session;
  Bytes frame;
  std::string summary;
};

inline std::vector<RecordedFrame> frames() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().filename().string().starts_with("t")) files.push_back(entry.path());
  }
  std::vector<RecordedFrame> all;
  for (const auto& path : files) {
    for (const auto& row : read_table(path)) {
      all.push_back({path.stem().string(), from_hex(row.at(1)), row.at(2)});
    }
  }
  return all;
}

}  // namespace sinew::wire::testdata
