// Any bytes as a compressed payload, and any bytes as what was compressed. The limit is honoured.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "wire/compress.h"

namespace {

using namespace sinew;
using namespace sinew::wire;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  for (const std::size_t limit : {std::size_t{100}, std::size_t{100'000}}) {
    const auto plain = inflate(input, limit);
    if (plain) require(plain->size() <= limit);
  }
  const auto back = inflate(deflate(input), size);
  require(back && std::equal(back->begin(), back->end(), input.begin(), input.end()));
  if (size > 0) require(inflate(deflate(input), size - 1).error() == Errc::kInflateTooLarge);
  return 0;
}
