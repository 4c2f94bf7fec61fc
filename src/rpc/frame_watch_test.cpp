#include "rpc/frame_watch.h"

#include <gtest/gtest.h>

#include "base/eventually.h"
#include "rpc/test_dialect.h"

namespace sinew::rpc {
namespace {

using namespace testing;
using std::chrono::seconds;

struct FrameWatchTest : ::testing::Test {
  FrameWatch watch{seconds(8)};
  TimePoint now{seconds(1000)};

  // The seconds until the watch complains; 60 when it does not.
  template <class EachSecond>
  int complains_after(EachSecond each_second, bool peers_turn = true) {
    for (int second = 0; second < 60; ++second, now += seconds(1)) {
      each_second(second);
      if (watch.stalls(now, peers_turn)) return second;
    }
    return 60;
  }
};

TEST_F(FrameWatchTest, OneBytePerSecondIsNoProgress) {
  EXPECT_EQ(complains_after([&](int second) {
              const auto bytes = static_cast<std::size_t>(10 + second);
              watch.note(100 + bytes, bytes);
            }),
            8);
}

TEST_F(FrameWatchTest, ASlowLineIsProgress) {
  EXPECT_EQ(complains_after([&](int second) {
              const auto bytes = static_cast<std::size_t>(10 + second * 600);
              watch.note(bytes, bytes);
            }),
            60);
}

TEST_F(FrameWatchTest, SilenceBetweenFramesIsNoStall) {
  watch.note(100, 10);
  EXPECT_FALSE(watch.stalls(now, true));
  EXPECT_EQ(complains_after([&](int) { watch.note(200, 0); }), 60);
}

TEST_F(FrameWatchTest, EachFrameHasItsOwnTime) {
  EXPECT_EQ(complains_after([&](int second) {
              const auto frame = static_cast<std::uint64_t>(second / 5);
              watch.note(frame * 100 + 10, 10);
            }),
            60);
}

TEST_F(FrameWatchTest, TimeInWhichWeDoNotReadDoesNotCount) {
  watch.note(100, 10);
  EXPECT_EQ(complains_after([](int) {}, /*peers_turn=*/false), 60);
  EXPECT_EQ(complains_after([](int) {}), 7);  // one second of it has been counted above
}

TEST_F(FrameWatchTest, WithoutATimeoutNothingIsWatched) {
  FrameWatch none(Duration::zero());
  none.note(100, 10);
  EXPECT_FALSE(none.stalls(now, true));
  EXPECT_FALSE(none.stalls(now + seconds(3600), true));
}

TEST(FrameWatch, AConnectionWhoseFrameStopsInTheMiddleEnds) {
  const Limits limits{.frame_timeout = std::chrono::milliseconds(100)};
  Wired wired(64 * 1024, limits);
  const Serving serving(*wired.side.connection);
  wired.side->ask_for_care();
  wired.arrives(Incoming::Kind::kRequest, 1, "whole");
  ASSERT_TRUE(eventually([&] { return wired.side.dispatcher.served.load() == 1; }));
  EXPECT_FALSE(wired.side->is_dead());
  const std::uint8_t half[] = {0, 0, 1, 0, 0};
  wired.raw(half);
  ASSERT_TRUE(eventually([&] { return wired.side->is_dead(); }));
  EXPECT_NE(wired.side->error()->message().find("frame_timeout"), std::string::npos);
}

}  // namespace
}  // namespace sinew::rpc
