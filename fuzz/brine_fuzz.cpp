// Any bytes as a brine value: what decodes must encode to a shortest form that decodes to the same
// value and encodes to the same bytes again, and stepping over it must agree with decoding it.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "wire/brine.h"
#include "wire/value.h"

namespace {

using namespace sinew;
using namespace sinew::wire;

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<std::uint8_t> joined(const Writer& out) {
  std::vector<std::uint8_t> all;
  std::size_t at = 0;
  const auto copy_until = [&](std::size_t offset) {
    const ByteView part = out.copied().subspan(at, offset - at);
    all.insert(all.end(), part.begin(), part.end());
    at = offset;
  };
  for (const auto& borrowed : out.borrowed()) {
    copy_until(borrowed.offset);
    all.insert(all.end(), borrowed.bytes.begin(), borrowed.bytes.end());
  }
  copy_until(out.copied_size());
  require(all.size() == out.total_size());
  return all;
}

std::vector<std::uint8_t> encoded(const Value& value) {
  ValueModel model;
  Writer out;
  require(dumpable(model, &value, BrineLimits{}));
  require(encode_brine(model, &value, out, BrineLimits{}).has_value());
  return joined(out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  ValueModel model;
  Reader in(input);
  const auto first = decode_brine(model, in, BrineLimits{});

  Reader skipping(input);
  const auto skipped = skip_value(skipping, BrineLimits{}.max_depth);
  if (!first) {
    require(!skipped || first.error() == Errc::kBadText);
    return 0;
  }
  require(skipped.has_value() && skipping.position() == in.position());

  const std::vector<std::uint8_t> bytes = encoded(**first);
  require(bytes.size() <= size - in.remaining());
  Reader again(bytes);
  const auto second = decode_brine(model, again, BrineLimits{});
  require(second.has_value() && again.empty());
  require(**first == **second);
  require(encoded(**second) == bytes);
  return 0;
}
