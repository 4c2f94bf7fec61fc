// Calls that are under way at once, callbacks, time limits, and the end of a connection.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "eventually.h"
#include "with_server.h"

namespace sinew::testing {
namespace {

using namespace std::chrono_literals;

class Calls : public WithServer {
 protected:
  void SetUp() override {
    WithServer::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) conn = connected();
  }

  Connection conn{nullptr};
};
INSTANTIATE_TEST_SUITE_P(Against, Calls, ::testing::ValuesIn(kServers), name_of_server);

TEST_P(Calls, ThousandsAreUnderWayAtOnce) {
  const Object add = conn.eval("lambda a, b: a + b");
  std::vector<Future<int>> sums;
  for (int i = 0; i < 5000; ++i) sums.push_back(add.async_invoke<int>(i, 1));
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(sums[static_cast<std::size_t>(i)].get(), i + 1);
}

TEST_P(Calls, AFutureTellsOfAnException) {
  const auto failing = conn.eval("lambda: 1 / 0").async_invoke<int>();
  EXPECT_TRUE(failing.wait_for(20s));
  EXPECT_THROW(failing.get(), RemoteError);
  EXPECT_THROW(failing.get(), RemoteError) << "each time";
}

TEST_P(Calls, ThenIsCalledOnceTheAnswerIsRead) {
  int got = 0;
  const auto sum = conn.eval("lambda: 42").async_invoke<int>();
  sum.then([&](const Future<int>& done) { got = done.get(); });
  while (got == 0) ASSERT_TRUE(conn.serve(10ms));
  EXPECT_EQ(got, 42);
  int again = 0;
  sum.then([&](const Future<int>& done) { again = done.get(); });
  EXPECT_EQ(again, 42) << "it has come already";
}

TEST_P(Calls, AResultThatTwoThreadsAskForAtOnceIsReadOnce) {
  const Object same = conn.eval("(lambda kept: lambda: kept)(object())");
  for (int round = 0; round < 200; ++round) {
    auto first = std::make_optional(same.async_invoke<Object>());
    const auto second = same.async_invoke<Object>();
    first->wait();
    second.wait();
    std::latch together(2);
    const auto read = [&] {
      together.arrive_and_wait();
      static_cast<void>(first->get());
    };
    std::thread other(read);
    read();
    other.join();
    first.reset();
    conn.ping();  // behind what is given back: if that were too much, the second would name nothing
    EXPECT_FALSE(second.get().repr().empty());
  }
}

TEST_P(Calls, AResultThatNobodyWantsIsDropped) {
  const Object make = conn.eval("lambda: [1]");
  for (int i = 0; i < 100; ++i) static_cast<void>(make.async_invoke<Object>());
  EXPECT_EQ(conn.eval<int>("1 + 1"), 2);
}

TEST_P(Calls, ACancelledCallThrowsAtOnce) {
  const auto sleeping = conn.module("time").async<void>("sleep", 0.2);
  EXPECT_TRUE(sleeping.cancel());
  EXPECT_FALSE(sleeping.cancel());
  EXPECT_EQ(thrown_by([&] { sleeping.get(); }), "the call was cancelled");
  EXPECT_EQ(conn.eval<int>("1 + 1"), 2);
}

TEST_P(Calls, ATimeLimitEndsTheCallsOfAThread) {
  const Object time = conn.module("time");
  const auto begin = std::chrono::steady_clock::now();
  {
    const TimeLimit limit(100ms);
    const TimeLimit longer(10s);
    try {
      time.call("sleep", 0.5);
      FAIL() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Error::Kind::kTimedOut);
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 400ms);
  EXPECT_EQ(conn.eval<int>("1 + 1"), 2) << "it goes on";
}

TEST_P(Calls, PythonCallsAFunctionOfOurs) {
  const Object map = conn.builtin("map");
  const auto twice = [](int x) { return 2 * x; };
  EXPECT_EQ(conn.builtin("list")(map(twice, conn.builtin("range")(4))).as<std::vector<int>>(),
            (std::vector<int>{0, 2, 4, 6}));
  const std::function<std::string(std::string, Object)> join = [](std::string a, Object b) {
    return a + b.str();
  };
  EXPECT_EQ(conn.eval("lambda f: f('a', [1])").invoke<std::string>(join), "a[1]");
}

TEST_P(Calls, CallbacksGoToAndFro) {
  std::function<int(int)> down;
  const Object call = conn.eval("lambda f, n: f(n)");
  down = [&](int n) { return n == 0 ? 0 : 1 + call.invoke<int>(down, n - 1); };
  EXPECT_EQ(call.invoke<int>(down, 20), 20);
}

TEST_P(Calls, WhatACallbackThrowsIsRaisedThere) {
  conn.execute(
      "def kind(f):\n  try:\n    f()\n  except Exception as e:\n"
      "    return type(e).__name__ + ': ' + str(e.args[0])");
  const Object kind = conn.eval("kind");
  EXPECT_EQ(kind.invoke<std::string>([]() -> int { throw std::out_of_range("no such row"); }),
            "IndexError: no such row");
  EXPECT_EQ(kind.invoke<std::string>([]() -> int { throw std::invalid_argument("odd"); }),
            "ValueError: odd");
  EXPECT_EQ(kind.invoke<std::string>([]() -> int { throw std::runtime_error("broken"); }),
            "RuntimeError: broken");
  EXPECT_EQ(kind.invoke<std::string>([](int) { return 1; }),
            "TypeError: the function takes 1 argument, 0 given");
  const Object divide = conn.eval("lambda: 1 / 0");
  EXPECT_EQ(kind.invoke<std::string>([&] { return divide.invoke<int>(); }),
            "ZeroDivisionError: division by zero")
      << "the exception goes on over three hops as it was";
}

TEST_P(Calls, AFunctionLivesAsLongAsThePeerHoldsIt) {
  auto held = std::make_shared<int>(1);
  conn.execute("kept = []");
  conn.eval("kept.append")([held] { return *held; });
  EXPECT_EQ(held.use_count(), 2);
  EXPECT_EQ(conn.eval<int>("kept[0]()"), 1);
  conn.execute("kept.clear()");
  conn.ping();
  conn.ping();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(Calls, AnObjectOfOursComesBackAsItself) {
  auto calls = std::make_shared<int>(0);
  const Object echo = conn.eval("lambda x: x");
  const Object f = [calls] { return ++*calls; };
  EXPECT_TRUE(echo(f).is(f));
  for (int i = 0; i < 100; ++i) {
    const auto back = echo.async_invoke<Object>(f);
    conn.ping();
    conn.ping();  // the peer has let go of it before the result is looked at
    EXPECT_TRUE(back.get().is(f));
  }
}

TEST_P(Calls, ManyThreadsShareAConnection) {
  const Object add = conn.eval("lambda a, b: a + b");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int id = 0; id < 16; ++id) {
    threads.emplace_back([&, id] {
      for (int i = 0; i < 100; ++i) {
        if (add.invoke<int>(id, i) != id + i) ++wrong;
        if (add.invoke<std::string>("a", std::to_string(i)) != "a" + std::to_string(i)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(Calls, AfterCloseEverythingSaysSo) {
  const Object list = conn.eval("[1]");
  conn.close();
  conn.close();
  EXPECT_TRUE(conn.closed());
  EXPECT_EQ(thrown_by([&] { list.size(); }), "the connection was closed");
  EXPECT_FALSE(conn.serve(1s));
}

TEST_P(Calls, ABrokenConnectionLetsGoOfWhatItHeld) {
  ServerProcess server(GetParam(), "classic:slave");
  const auto held = std::make_shared<int>(1);
  {
    const Connection other = connect(server.uri(), options());
    other.execute("kept = []");
    const Object list = other.eval("kept");
    other.eval("kept.append")([held, list] { return *held; });  // keeps the connection, and it this
    EXPECT_EQ(held.use_count(), 2);
    server.kill();
    other.serve(20s);
    EXPECT_TRUE(other.closed());
  }
  EXPECT_TRUE(eventually([&] { return held.use_count() == 1; }));
}

TEST_P(Calls, AnExceptionGoesOverThreeHops) {
  auto failing = module("test.failing");
  failing.def("row", [](int number) -> int {
    throw std::out_of_range("no row " + std::to_string(number));
  });
  Server third(failing, "tcp://127.0.0.1:0");
  third.start();
  const std::string port = third.uri().substr(third.uri().rfind(':') + 1);
  const std::string package = is_stock() ? "rpyc" : "sinew.rpyc";
  conn.execute("import importlib\nfar = importlib.import_module('" + package +
               "').connect('127.0.0.1', " + port + ")");
  try {
    conn.eval("lambda n: far.root.row(n)").invoke<int>(7);
    FAIL() << "nothing was thrown";
  } catch (const RemoteError& error) {
    EXPECT_TRUE(error.is("IndexError"));
    EXPECT_EQ(error.details().args, std::vector<Value>{Value("no row 7")});
    EXPECT_NE(error.traceback().find("in a function of a C++ program"), std::string::npos)
        << error.traceback();
    EXPECT_NE(error.traceback().find("<lambda>"), std::string::npos) << error.traceback();
  }
  conn.execute("far.close()");
}

TEST_P(Calls, AKilledServerEndsTheCallsUnderWay) {
  ServerProcess server(GetParam(), "classic:slave");
  const Connection other = connect(server.uri(), options());
  const auto sleeping = other.module("time").async<void>("sleep", 30.0);
  server.kill();
  try {
    sleeping.get();
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::kDisconnected);
    EXPECT_NE(error.message().find("127.0.0.1"), std::string::npos) << "which connection";
  }
  EXPECT_TRUE(other.closed());
}

TEST(Connecting, SaysWhereItCouldNot) {
  const std::string message = thrown_by([] { connect("tcp://127.0.0.1:1"); });
  EXPECT_NE(message.find("127.0.0.1:1"), std::string::npos) << message;
  EXPECT_NE(thrown_by([] { connect("http://x"); }).find("scheme"), std::string::npos);
}

}  // namespace
}  // namespace sinew::testing
