// The dumper takes any bytes, says something, and stays on the lines and within the size it should:
// what a peer sends must not be able to forge lines of a log.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/dump.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string line = sinew::wire::dump_payload({data, size});
  require(!line.empty() && std::none_of(line.begin(), line.end(), is_control));
  const std::string lines = sinew::wire::dump_frame({data, size});
  require(lines.size() < 64 * 1024);
  require(
      std::none_of(lines.begin(), lines.end(), [](char c) { return c != '\n' && is_control(c); }));
  return 0;
}
