// Both ends in this process: what is left when they are gone.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/eventually.h"
#include "sinew/sinew.hpp"

namespace sinew {
namespace {

std::atomic<int> living{0};

struct Part {
  explicit Part(int its_number) : number(its_number) { ++living; }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  ~Part() { --living; }

  const int number;
};

Module parts() {
  static const auto defined =
      service<Part>("test.Part").property("number", [](const Part& part) { return part.number; });
  return module("test.parts")
      .def("make", [](int number) { return std::make_unique<Part>(number); })
      .def("make_too_deep",
           [](int number) {
             Value deep = Value::tuple({});
             for (int i = 0; i < 600; ++i) deep = Value::tuple({deep});
             return Object(Value::tuple({to_value(std::make_unique<Part>(number)), deep}));
           })
      .def("number_of", [](const std::shared_ptr<Part>& part) { return part->number; })
      .def("call", [](const Object& function, const Object& part) { return function(part); });
}

using Counts = std::vector<std::int64_t>;

class Lifetime : public ::testing::Test {
 protected:
  static Counts counts() {
    Counts live;
    for (const LiveObjects& one : snapshot()) live.push_back(one.live);
    return live;
  }
  const Counts before = counts();
};

// Everything that this test made is gone, now or in a moment.
#define EXPECT_NOTHING_LEFT() EXPECT_TRUE(eventually([&] { return counts() == before; }))

TEST_F(Lifetime, TenThousandObjectsAreReturnedAndReleased) {
  {
    Server server(parts(), "tcp://127.0.0.1:0");
    server.start();
    const Connection conn = connect(server.uri());
    const Object root = conn.root();
    {
      std::vector<Future<Object>> making;
      for (int i = 0; i < 10'000; ++i) making.push_back(root.async<Object>("make", i));
      for (int i = 0; i < 10'000; i += 997) {
        const Object part = making[static_cast<std::size_t>(i)].get();
        EXPECT_EQ(part.get<int>("number"), i);
        EXPECT_EQ(root.call<int>("number_of", part), i);
      }
      making.back().wait();
      EXPECT_EQ(living, 10'000);
    }
    EXPECT_TRUE(eventually([&] {
      conn.ping();
      return living == 0;
    }));
  }
  EXPECT_NOTHING_LEFT();
}

TEST_F(Lifetime, WhatIsHeldWhenAConnectionEndsIsGone) {
  {
    Server server(parts(), "tcp://127.0.0.1:0");
    server.start();
    const Connection conn = connect(server.uri());
    const Object part = conn.root().call("make", 1);
    conn.root().call("call", [part](const Object& same) { return same.is(part); }, part);
    EXPECT_EQ(living, 1);
    conn.close();
    EXPECT_TRUE(eventually([] { return living == 0; })) << "although the proxy is still there";
  }
  EXPECT_NOTHING_LEFT();
}

TEST_F(Lifetime, AFunctionWithObjectsOfABrokenConnectionIsGone) {
  {
    ServerOptions options;
    options.drain_time = std::chrono::milliseconds(10);
    Server server(parts(), "tcp://127.0.0.1:0", options);
    server.start();
    {
      const Connection conn = connect(server.uri());
      const Object part = conn.root().call("make", 1);
      const auto call = conn.root().async("call", [part](const Object&) { return part; }, part);
      EXPECT_FALSE(call.wait_for(std::chrono::nanoseconds(0)));
      server.stop();
      while (conn.serve(std::chrono::milliseconds(10))) {
      }
    }
    EXPECT_EQ(living, 0);
  }
  EXPECT_NOTHING_LEFT();
}

// Twice would be a second time for an object that is not held any more.
TEST_F(Lifetime, AnAnswerThatCannotBeReadIsGivenBackOnce) {
  {
    ServerOptions options;
    options.max_depth = 2000;
    options.max_bad_ids = 1;
    Server server(parts(), "tcp://127.0.0.1:0", options);
    server.start();
    const Connection conn = connect(server.uri());
    const Object root = conn.root();
    for (int i = 0; i < 20; ++i) {
      const auto made = root.async<Object>("make_too_deep", i);
      EXPECT_THROW(made.get(), Error);
      EXPECT_THROW(made.get(), Error) << "each time";
      EXPECT_THROW(root.call("make_too_deep", i), Error);
    }
    EXPECT_TRUE(eventually([&] {
      conn.ping();
      return living == 0;
    }));
    conn.ping();
    EXPECT_FALSE(conn.closed());
  }
  EXPECT_NOTHING_LEFT();
}

TEST_F(Lifetime, CallsThatWereGivenUpAreGone) {
  {
    Server server(parts(), "tcp://127.0.0.1:0");
    server.start();
    const Connection conn = connect(server.uri());
    const Object root = conn.root();
    for (int i = 0; i < 100; ++i) root.async<Object>("make", i).cancel();
    EXPECT_EQ(root.call("make", 7).get<int>("number"), 7);
    EXPECT_TRUE(eventually([&] {
      conn.ping();
      return living == 0;
    }));
  }
  EXPECT_NOTHING_LEFT();
}

}  // namespace
}  // namespace sinew
