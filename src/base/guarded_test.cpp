#include "base/guarded.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace sinew {
namespace {

TEST(Guarded, ManyThreadsCountWithoutLosingOne) {
  Guarded<int> count;
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&count] {
      for (int j = 0; j < 1000; ++j) ++*count.lock();
    });
  }
  threads.clear();
  EXPECT_EQ(*count.lock(), 4000);
}

TEST(Guarded, AConstOneGivesConstAccess) {
  const Guarded<std::string> text(std::in_place, 3u, 'x');
  EXPECT_EQ(*text.lock(), "xxx");
  static_assert(std::is_const_v<std::remove_reference_t<decltype(*text.lock())>>);
}

TEST(Guarded, UnlockLetsOthersInBeforeTheScopeEnds) {
  Guarded<int> value(std::in_place, 1);
  auto held = value.lock();
  held.unlock();
  EXPECT_EQ(*value.lock(), 1);
}

/// Takes the lock of what it was in when it dies.
struct LocksWhenItDies {
  Guarded<std::unique_ptr<LocksWhenItDies>>* owner;
  ~LocksWhenItDies() { EXPECT_EQ(owner->lock()->get(), nullptr); }
};

TEST(Guarded, ExchangeReturnsTheOldValueToDieWithoutTheLock) {
  Guarded<std::unique_ptr<LocksWhenItDies>> value;
  value.exchange(std::make_unique<LocksWhenItDies>(&value));
  value.exchange(nullptr);
}

class Account {
 public:
  void pay_in(int amount) SINEW_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    add(amount);
  }
  int balance() SINEW_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return balance_;
  }

 private:
  void add(int amount) SINEW_REQUIRES(mutex_) { balance_ += amount; }

  Mutex mutex_;
  int balance_ SINEW_GUARDED_BY(mutex_) = 0;
};

TEST(Mutex, GuardsAMember) {
  Account account;
  account.pay_in(2);
  account.pay_in(3);
  EXPECT_EQ(account.balance(), 5);
}

TEST(Mutex, TryLockFailsWhileAnotherThreadHoldsIt) {
  Mutex mutex;
  mutex.lock();
  bool taken = true;
  std::jthread([&]() SINEW_THREAD_SAFETY_(no_thread_safety_analysis) {
    taken = mutex.try_lock();
  }).join();
  mutex.unlock();
  EXPECT_FALSE(taken);
}

}  // namespace
}  // namespace sinew
