// co_await, with the smallest coroutine type there is.

#include "sinew/coroutine.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "eventually.h"
#include "with_server.h"

namespace sinew::testing {
namespace {

using namespace std::chrono_literals;

// Begins at once; nobody waits for it.
struct Task {
  struct promise_type {
    Task get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const { std::terminate(); }
  };
};

class Coroutines : public WithServer {
 protected:
  void SetUp() override {
    WithServer::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) conn = connected();
  }
  // Serves until `done`.
  void serve_until(const auto& done) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!done() && std::chrono::steady_clock::now() < end) conn.serve(5ms);
    ASSERT_TRUE(done());
  }

  Connection conn{nullptr};
};
INSTANTIATE_TEST_SUITE_P(Against, Coroutines, ::testing::ValuesIn(kServers), name_of_server);

Task add_up(Object add, int from, std::atomic<int>& wrong, std::atomic<int>& ended) {
  const int once = co_await add.async_invoke<int>(from, 1);
  const int twice = co_await add.async_invoke<int>(once, 1);
  if (twice != from + 2) ++wrong;
  ++ended;
}

TEST_P(Coroutines, TwoThousandWaitAtOnce) {
  const Object add = conn.eval("lambda a, b: a + b");
  std::atomic<int> wrong{0};
  std::atomic<int> ended{0};
  for (int i = 0; i < 2000; ++i) add_up(add, i, wrong, ended);
  serve_until([&] { return ended == 2000; });
  EXPECT_EQ(wrong, 0);
}

TEST_P(Coroutines, ThousandsOneAfterTheOtherDoNotPileUp) {
  const Object add = conn.eval("lambda a, b: a + b");
  int sum = 0;
  bool ended = false;
  [](Object f, int& total, bool& over) -> Task {
    for (int i = 0; i < 3000; ++i) total = co_await f.async_invoke<int>(total, 1);
    over = true;
  }(add, sum, ended);
  serve_until([&] { return ended; });
  EXPECT_EQ(sum, 3000);
}

Task remember(Future<int> call, std::string& what, std::atomic<bool>& ended) {
  try {
    what = std::to_string(co_await call);
  } catch (const Error& error) {
    what = error.message();
  }
  ended = true;
}

TEST_P(Coroutines, AnExceptionIsThrownWhereItGoesOn) {
  std::string what;
  std::atomic<bool> ended{false};
  remember(conn.eval("lambda: 1 / 0").async_invoke<int>(), what, ended);
  serve_until([&] { return ended.load(); });
  EXPECT_EQ(what, "ZeroDivisionError: division by zero");
}

TEST_P(Coroutines, AnAnswerThatIsThereIsNotWaitedFor) {
  const auto call = conn.eval("lambda: 7").async_invoke<int>();
  call.wait();
  std::string what;
  std::atomic<bool> ended{false};
  remember(call, what, ended);
  EXPECT_EQ(what, "7");
}

TEST_P(Coroutines, ACancelledOneGoesOn) {
  const auto call = conn.module("time").async<int>("sleep", 0.3);
  std::string what;
  std::atomic<bool> ended{false};
  remember(call, what, ended);
  EXPECT_FALSE(ended);
  EXPECT_TRUE(call.cancel());
  EXPECT_EQ(what, "the call was cancelled");
}

TEST_P(Coroutines, OneGoesOnWhenItsTimeIsOver) {
  const Object time = conn.module("time");
  std::string what;
  std::atomic<bool> ended{false};
  {
    const TimeLimit limit(100ms);
    remember(time.async<int>("sleep", 0.5), what, ended);
  }
  EXPECT_TRUE(eventually([&] { return ended.load(); })) << "although nobody waits or serves";
  EXPECT_NE(what.find("no answer in time"), std::string::npos) << what;
}

TEST_P(Coroutines, OneGoesOnWhenTheConnectionEnds) {
  std::string what;
  std::atomic<bool> ended{false};
  remember(conn.module("time").async<int>("sleep", 0.5), what, ended);
  conn.close();
  EXPECT_TRUE(ended);
  EXPECT_EQ(what, "the connection was closed");
}

TEST_P(Coroutines, OneGoesOnWhenTheServerDies) {
  ServerProcess server(GetParam(), "classic:slave");
  const Connection other = connect(server.uri(), options());
  std::string what;
  std::atomic<bool> ended{false};
  remember(other.module("time").async<int>("sleep", 30.0), what, ended);
  server.kill();
  other.serve(20s);
  EXPECT_TRUE(eventually([&] { return ended.load(); }));
  EXPECT_NE(what.find("127.0.0.1"), std::string::npos) << what;
}

// Compiles what Future::then() takes: a function that wants the future itself, and one that
// changes.
TEST_P(Coroutines, AFunctionGivenToThenMayTakeAReferenceAndChange) {
  int seen = 0;
  const auto call = conn.eval("lambda: 7").async_invoke<int>();
  call.then([&seen, calls = 0](Future<int>& done) mutable { seen = done.get() + ++calls; });
  serve_until([&] { return seen == 8; });
}

TEST_P(Coroutines, AnExecutorSaysWhereOneGoesOn) {
  std::mutex mutex;
  std::vector<std::coroutine_handle<>> posted;  // guarded by mutex
  std::thread::id went_on;
  bool ended = false;
  const auto post = [&](std::coroutine_handle<> waiting) {
    const std::scoped_lock lock(mutex);
    posted.push_back(waiting);
  };
  [](Future<int> call, auto executor, std::thread::id& where, bool& over) -> Task {
    EXPECT_EQ(co_await resume_on(call, executor), 42);
    where = std::this_thread::get_id();
    over = true;
  }(conn.eval("lambda: 42").async_invoke<int>(), post, went_on, ended);
  serve_until([&] {
    const std::scoped_lock lock(mutex);
    return !posted.empty();
  });
  EXPECT_FALSE(ended);
  std::jthread loop([&] { posted.front()(); });
  loop.join();
  EXPECT_TRUE(ended);
  EXPECT_NE(went_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace sinew::testing
