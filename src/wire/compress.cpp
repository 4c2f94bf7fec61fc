#include "wire/compress.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

namespace sinew::wire {
namespace {

/// zlib counts in unsigned int; larger buffers are handed over in pieces of at most this.
constexpr std::size_t kPiece = std::numeric_limits<uInt>::max();

/// Owns zlib's inflating state.
class Inflater {
 public:
  Inflater() {
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream* operator->() noexcept { return &stream_; }

  /// Inflates from `in` to `out` as far as either goes; returns zlib's word on it.
  int run(ByteView& in, MutableByteView& out) noexcept {
    const std::size_t give = std::min(in.size(), kPiece);
    const std::size_t room = std::min(out.size(), kPiece);
    stream_.next_in = const_cast<Bytef*>(in.data());  // zlib only reads it
    stream_.avail_in = static_cast<uInt>(give);
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(room);
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    in = in.subspan(give - stream_.avail_in);
    out = out.subspan(room - stream_.avail_out);
    return status;
  }

 private:
  z_stream stream_{};
};

/// Where the output starts: four times the input is the usual ratio.
std::size_t first_size(std::size_t compressed, std::size_t bound) noexcept {
  return std::min(std::max<std::size_t>(compressed, 1024) * 4, bound);
}

}  // namespace

Result<std::vector<std::uint8_t>> inflate(ByteView compressed, std::size_t max_size) try {
  // One byte beyond the limit tells a stream of exactly max_size from a longer one.
  const std::size_t bound = max_size + (max_size < std::numeric_limits<std::size_t>::max() ? 1 : 0);
  std::vector<std::uint8_t> inflated(first_size(compressed.size(), bound));
  std::size_t used = 0;
  Inflater inflater;
  for (;;) {
    MutableByteView room(inflated.data() + used, inflated.size() - used);
    const std::size_t before = room.size();
    const int status = inflater.run(compressed, room);
    used += before - room.size();
    if (used > max_size) return fail(Errc::kInflateTooLarge);
    if (status == Z_STREAM_END) break;
    if (status != Z_OK && status != Z_BUF_ERROR) return fail(Errc::kInflateFailed);
    if (!room.empty()) {
      if (compressed.empty()) return fail(Errc::kTruncated);
      continue;
    }
    inflated.resize(std::min(inflated.size() * 2, bound));
  }
  if (!compressed.empty()) return fail(Errc::kTrailingBytes);
  inflated.resize(used);
  return inflated;
} catch (const std::bad_alloc&) {
  return fail(Errc::kNoMemory);
}

std::vector<std::uint8_t> deflate(ByteView plain) {
  uLongf size = compressBound(plain.size());
  std::vector<std::uint8_t> compressed(size);
  if (compress2(compressed.data(), &size, plain.data(), plain.size(), 1) != Z_OK) {
    throw std::bad_alloc();
  }
  compressed.resize(size);
  return compressed;
}

}  // namespace sinew::wire
