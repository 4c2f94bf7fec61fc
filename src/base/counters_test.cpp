#include "base/counters.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

namespace sinew {
namespace {

std::int64_t live(std::string_view name) {
  for (const LiveObjects& line : snapshot()) {
    if (line.name == name) return line.live;
  }
  ADD_FAILURE() << "no counter called " << name;
  return -1;
}

struct Thing {
  int content = 0;
  [[no_unique_address]] LiveCount<Counted::kNetref> count;
};

static_assert(sizeof(Thing) == sizeof(int), "counting costs no memory");

TEST(Counters, AnObjectCountsWhileItLives) {
  const std::int64_t before = live("Netref");
  {
    const Thing one;
    const std::vector<Thing> more(3);
    EXPECT_EQ(live("Netref"), before + 4);
  }
  EXPECT_EQ(live("Netref"), before);
}

TEST(Counters, CopiesCountAndAssignmentsDoNot) {
  const std::int64_t before = live("Netref");
  {
    Thing one;
    Thing two(one);
    Thing three(std::move(one));
    two = three;
    EXPECT_EQ(live("Netref"), before + 3);
  }
  EXPECT_EQ(live("Netref"), before);
}

TEST(Counters, ManyThreadsCountWithoutLosingOne) {
  const std::int64_t before = live("Call");
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 1000; ++j) count_live(Counted::kCall, 1);
    });
  }
  threads.clear();
  EXPECT_EQ(live("Call"), before + 4000);
  count_live(Counted::kCall, -4000);
}

TEST(Counters, EveryClassOfTheListHasALine) {
  const auto lines = snapshot();
  EXPECT_EQ(lines.size(), kCountedClasses);
  EXPECT_EQ(lines.front().name, "Connection");
  EXPECT_EQ(lines.back().name, "AsyncResult");
}

}  // namespace
}  // namespace sinew
