// Streams that hold bytes which their descriptor does not show, as TLS does.

#include <gtest/gtest.h>

#include <algorithm>

#include "rpc/test_dialect.h"

namespace sinew::rpc {
namespace {

using testing::write_frame;

/// Takes all there is at once, and gives it away a few bytes a read.
class HoardingStream final : public io::Stream {
 public:
  HoardingStream(std::unique_ptr<io::Stream> inner, std::size_t portion)
      : inner_(std::move(inner)), portion_(portion) {}

  Result<std::size_t> try_read(MutableByteView into, std::size_t wanted) override {
    return read(into, wanted, Deadline::after(Duration::zero()));
  }
  Result<std::size_t> read(MutableByteView into, std::size_t /*wanted*/,
                           Deadline deadline) override {
    if (hoard_.empty()) {
      hoard_.resize(64 * 1024);
      const auto count = inner_->read(hoard_, 1, deadline);
      hoard_.resize(count.value_or(0));
      if (!count) return count;
    }
    const std::size_t count = std::min({portion_, into.size(), hoard_.size()});
    std::copy_n(hoard_.begin(), count, into.begin());
    hoard_.erase(hoard_.begin(), hoard_.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
  }
  bool has_buffered() const noexcept override { return !hoard_.empty(); }

  Result<std::size_t> try_write(std::span<const iovec> pieces) override {
    return inner_->try_write(pieces);
  }
  Result<io::Readiness> wait(io::Readiness wanted, Deadline deadline) override {
    if (wanted.readable && has_buffered()) return io::Readiness{.readable = true};
    return inner_->wait(wanted, deadline);
  }
  void interrupt() noexcept override { inner_->interrupt(); }
  int descriptor() const noexcept override { return inner_->descriptor(); }
  std::string last_error() const override { return inner_->last_error(); }
  std::string describe() const override { return inner_->describe(); }

 private:
  std::unique_ptr<io::Stream> inner_;
  const std::size_t portion_;
  std::vector<std::uint8_t> hoard_;
};

/// A connection over a HoardingStream, to whose other end some requests have been written.
struct Hoarding {
  Hoarding(std::size_t portion, int requests) {
    auto [one, two] = io::make_memory_pair();
    side.open(std::make_unique<HoardingStream>(std::move(one), portion));
    peer = std::move(two);
    Writer out;
    for (int i = 0; i < requests; ++i) {
      write_frame(out, Incoming::Kind::kRequest, i, as_bytes("body"));
    }
    const iovec piece{const_cast<std::uint8_t*>(out.copied().data()), out.copied_size()};
    EXPECT_EQ(peer->try_write({&piece, 1}), out.copied_size());
  }

  WaitStatus serve_what_is_there() {
    return side->serve(Deadline::after(Duration::zero()), /*once=*/false);
  }

  testing::Side side;
  std::unique_ptr<io::Stream> peer;
};

constexpr std::size_t kFrame = testing::kHeaderSize + testing::kRestSize + 4;

TEST(BufferedStream, TheHostHearsOfWhatTheStreamStillHolds) {
  Hoarding hoarding(kFrame, 2);
  EXPECT_EQ(hoarding.serve_what_is_there(), WaitStatus::kTimedOut);
  EXPECT_EQ(hoarding.side.dispatcher.served.load(), 1);
  EXPECT_EQ(hoarding.side.dispatcher.left.load(), 1);
  EXPECT_TRUE(hoarding.side->has_unserved());
  EXPECT_EQ(hoarding.serve_what_is_there(), WaitStatus::kTimedOut);
  EXPECT_EQ(hoarding.side.dispatcher.served.load(), 2);
  EXPECT_EQ(hoarding.side.dispatcher.left.load(), 1);
  EXPECT_FALSE(hoarding.side->has_unserved());
}

TEST(BufferedStream, AFrameInPortionsIsServedThoughTheTimeIsUp) {
  Hoarding hoarding(3, 1);
  EXPECT_EQ(hoarding.serve_what_is_there(), WaitStatus::kTimedOut);
  EXPECT_EQ(hoarding.side.dispatcher.served.load(), 1);
  EXPECT_FALSE(hoarding.side->has_unserved());
}

}  // namespace
}  // namespace sinew::rpc
