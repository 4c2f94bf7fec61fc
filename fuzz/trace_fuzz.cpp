// Any bytes as what one side of a traced connection sends, in steps of any size: every byte is in
// one piece, the steps change nothing but the pieces of what cannot be cut, and all pieces have
// words.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "trace/cutter.h"
#include "trace/exchange.h"

namespace {

using namespace sinew;
using namespace sinew::trace;

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr std::size_t kMostKept = 4096;

std::vector<Piece> cut(Side side, ByteView bytes, std::size_t step) {
  Cutter cutter(side, kMostKept);
  std::vector<Piece> found;
  const auto add = [&](Piece&& piece) { found.push_back(std::move(piece)); };
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    cutter.feed(bytes.subspan(at, std::min(step, bytes.size() - at)), add);
  }
  cutter.end(add);
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Side side = data[0] % 2 == 0 ? Side::kClient : Side::kServer;
  const ByteView bytes(data + 2, size - 2);
  const auto whole = cut(side, bytes, std::max<std::size_t>(bytes.size(), 1));
  const auto steps = cut(side, bytes, std::size_t{1} + data[1]);
  Statistics statistics;
  Exchange exchange(1, 100, statistics);
  std::size_t total = 0;
  for (const Piece& piece : whole) {
    total += piece.size;
    require(piece.bytes.size() <= std::min(piece.size, kMostKept));
    const Event event = exchange.read(side, piece, {});
    require(!event.text.empty());
  }
  require(total == bytes.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    require(i < steps.size() && steps[i].kind == whole[i].kind);
    if (whole[i].kind == Piece::Kind::kRaw) break;
    require(steps[i].size == whole[i].size && steps[i].bytes == whole[i].bytes);
  }
  return 0;
}
