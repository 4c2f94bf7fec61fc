#include "object/release_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

namespace sinew::object {
namespace {

TEST(ReleaseQueue, DrainsInTheOrderOfPushing) {
  ReleaseQueue<int> queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.push(1)) << "it was empty";
  EXPECT_FALSE(queue.push(2));
  EXPECT_FALSE(queue.push(3));
  std::vector<int> drained;
  EXPECT_EQ(queue.drain([&](int item) { drained.push_back(item); }), 3u);
  EXPECT_EQ(drained, (std::vector<int>{1, 2, 3}));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.drain([](int) {}), 0u);
}

TEST(ReleaseQueue, AVisitMayPush) {
  ReleaseQueue<int> queue;
  queue.push(1);
  EXPECT_EQ(queue.drain([&](int item) { queue.push(item + 1); }), 1u);
  EXPECT_FALSE(queue.empty());
}

TEST(ReleaseQueue, WhatIsLeftGoesWithTheQueue) {
  const auto watched = std::make_shared<int>(1);
  {
    ReleaseQueue<std::shared_ptr<int>> queue;
    queue.push(watched);
    EXPECT_EQ(watched.use_count(), 2);
  }
  EXPECT_EQ(watched.use_count(), 1);
}

TEST(ReleaseQueue, ManyThreadsPushWhileOneDrains) {
  constexpr int kThreads = 4;
  constexpr int kItems = 2000;
  ReleaseQueue<int> queue;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int id = 0; id < kThreads; ++id) {
    threads.emplace_back([&queue, id] {
      for (int i = 0; i < kItems; ++i) queue.push(id * kItems + i);
    });
  }
  std::array<int, kThreads> next{};
  int drained = 0;
  while (drained < kThreads * kItems) {
    drained += static_cast<int>(queue.drain([&](int item) {
      const auto id = static_cast<std::size_t>(item / kItems);
      ASSERT_EQ(item % kItems, next[id]) << "each thread's in its order";
      ++next[id];
    }));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace sinew::object
