// Work that nobody waits for any more: cancelled, or beyond its deadline.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>

#include "eventually.h"
#include "with_server.h"

namespace sinew::testing {
namespace {

using namespace std::chrono_literals;

class Stopping : public WithServer {
 protected:
  void SetUp() override {
    WithServer::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    conn = connected();
    conn.execute(
        "import time\n"
        "ended = []\n"
        "begun = []\n"
        "def work():\n"
        "  begun.append(1)\n"
        "  try:\n"
        "    for i in range(2000): time.sleep(0.01)\n"  // lint: workload
        "  except BaseException as e:\n"
        "    ended.append(type(e).__name__)\n"
        "    raise\n");
  }

  Connection conn{nullptr};
};
INSTANTIATE_TEST_SUITE_P(Against, Stopping, ::testing::Values("ours"), name_of_server);

TEST_P(Stopping, ACancelledFutureStopsTheWorkOfAPythonServer) {
  const auto work = conn.eval("work").async_invoke<void>();
  EXPECT_FALSE(work.wait_for(100ms));
  EXPECT_TRUE(work.cancel());
  EXPECT_EQ(thrown_by([&] { work.get(); }), "the call was cancelled");
  EXPECT_EQ(conn.eval<std::string>("'+'.join(ended)"), "Cancelled") << "served behind it";
}

TEST_P(Stopping, ATimeLimitStopsTheWorkOfAPythonServer) {
  const Object work = conn.eval("work");
  {
    const TimeLimit limit(200ms);
    EXPECT_THROW(work.invoke<void>(), Error);
  }
  EXPECT_EQ(conn.eval<std::string>("'+'.join(ended)"), "Cancelled");
}

// Our own server, in this process.
class Waiter {
 public:
  void wait(std::stop_token stop) {
    inside = true;
    const std::stop_callback wake(stop, [this] { woken_on = std::this_thread::get_id(); });
    if (!eventually([&] { return stop.stop_requested(); })) return;
    ++stopped;
  }
  static bool asks_in_vain() {
    return current_call().stop_requested() || current_call().stop_token().stop_requested();
  }

  std::atomic<bool> inside{false};
  std::atomic<int> stopped{0};
  std::atomic<std::thread::id> woken_on{};
};

const Service<Waiter>& waiters() {
  static const auto defined =
      service<Waiter>("test.Waiter")
          .def("wait", &Waiter::wait)
          .def("asks_in_vain", [](Waiter&) { return Waiter::asks_in_vain(); })
          .def("call", [](Waiter& waiter, const Object& f) {
            waiter.inside = true;
            try {
              f();
            } catch (const Error&) {
              ++waiter.stopped;
            }
          });
  return defined;
}

class StoppingOurs : public ::testing::Test {
 protected:
  static Connection connected(Server& server) {
    server.start();
    return connect(server.uri());
  }

  const std::shared_ptr<Waiter> waiter = std::make_shared<Waiter>();
  Server server{(waiters(), waiter), "tcp://127.0.0.1:0"};
  Connection conn = connected(server);
  Object root = conn.root();
};

TEST_F(StoppingOurs, ACancelledCallIsToldSo) {
  EXPECT_FALSE(root.call<bool>("asks_in_vain"));
  const auto call = root.async<void>("wait");
  EXPECT_TRUE(eventually([&] { return waiter->inside.load(); }));
  EXPECT_TRUE(call.cancel());
  EXPECT_TRUE(eventually([&] { return waiter->stopped == 1; }));
  EXPECT_NE(waiter->woken_on.load(), std::thread::id());
  EXPECT_FALSE(root.call<bool>("asks_in_vain")) << "the next one is not concerned";
}

TEST_F(StoppingOurs, ADeadlineIsOver) {
  EXPECT_FALSE(root.call<bool>("asks_in_vain"));
  {
    const TimeLimit limit(100ms);
    EXPECT_THROW(root.call<void>("wait"), Error);
  }
  EXPECT_TRUE(eventually([&] { return waiter->stopped == 1; }));
}

TEST_F(StoppingOurs, AnotherThreadIsNotConcerned) {
  EXPECT_FALSE(root.call<bool>("asks_in_vain"));
  const auto call = root.async<void>("wait");
  EXPECT_TRUE(eventually([&] { return waiter->inside.load(); }));
  const Connection other = connect(server.uri());
  EXPECT_FALSE(other.root().call<bool>("asks_in_vain"));
  call.cancel();
  EXPECT_TRUE(eventually([&] { return waiter->stopped == 1; }));
}

TEST_F(StoppingOurs, ACallInsideIsLeft) {
  EXPECT_FALSE(root.call<bool>("asks_in_vain"));
  std::atomic<bool> go_on{false};
  std::thread serving([&] {
    const TimeLimit limit(1s);
    EXPECT_THROW(root.call<void>("call", [&] { eventually([&] { return go_on.load(); }); }), Error);
  });
  EXPECT_TRUE(eventually([&] { return waiter->stopped == 1; }));
  go_on = true;
  serving.join();
}

TEST_F(StoppingOurs, ACallThatWasNotBegunIsNot) {
  EXPECT_FALSE(root.call<bool>("asks_in_vain"));
  const auto first = root.async<void>("wait");
  EXPECT_TRUE(eventually([&] { return waiter->inside.load(); }));
  const auto second = root.async<void>("wait");  // nobody reads it: the only thread serves
  const auto third = root.async<bool>("asks_in_vain");
  EXPECT_TRUE(second.cancel());
  EXPECT_TRUE(first.cancel());
  EXPECT_FALSE(third.get());
  EXPECT_EQ(waiter->stopped, 1) << "the second has not been called, or not been told";
}

TEST_F(StoppingOurs, AFunctionGivenToThenThatTakesItsTimeHoldsUpNoStop) {
  const Connection other = connect(server.uri());
  std::atomic<bool> in_then{false};
  std::atomic<bool> go_on{false};
  {
    const TimeLimit limit(100ms);
    other.root().async<void>("wait").then([&](const auto&) {
      in_then = true;
      eventually([&] { return go_on.load(); });
      in_then = false;
    });
  }
  EXPECT_TRUE(eventually([&] { return in_then.load(); }));
  EXPECT_FALSE(root.call<bool>("asks_in_vain"));
  {
    const TimeLimit limit(100ms);
    EXPECT_THROW(root.call<void>("wait"), Error);
  }
  EXPECT_TRUE(eventually([&] { return waiter->stopped == 2; }));
  EXPECT_TRUE(in_then) << "it is still at it";
  go_on = true;
  EXPECT_TRUE(eventually([&] { return !in_then.load(); }));
}

TEST(CurrentCallOutside, AsksForNothing) {
  EXPECT_FALSE(current_call().stop_requested());
  EXPECT_FALSE(current_call().stop_token().stop_possible());
  EXPECT_EQ(current_call().deadline(), std::nullopt);
}

}  // namespace
}  // namespace sinew::testing
