// The end of a threaded server: close(), stop() and the destructor.

#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "base/error.h"
#include "base/eventually.h"
#include "server/test_threaded.h"

namespace sinew::server {
namespace {

using namespace testing;
using std::chrono::hours;

/// A server on whose listener nobody runs.
struct Idle {
  Idle() {
    io::Fd listener = io::listen(io::Address::tcp("127.0.0.1", 0), 64);
    address = io::local_address(listener.get());
    server = std::make_unique<ThreadedServer>(
        std::move(listener),
        [this](io::Fd socket) {
          return std::make_unique<ScriptedClient>(std::move(socket), script);
        },
        ThreadedServer::Options{});
  }
  io::Fd connect() const { return io::connect(address, Deadline::after(hours(1))); }

  Script script;
  io::Address address;
  std::unique_ptr<ThreadedServer> server;
};

bool is_refused(const Host& host) {
  try {
    static_cast<void>(host.connect());
  } catch (const Error& error) {
    return error.kind() == Error::Kind::kDisconnected;
  }
  return false;
}

TEST(ThreadedServerClose, EndsRunAndLeavesClientsAlone) {
  for (const auto family : {Host::Family::kTcp, Host::Family::kUnix}) {
    Host host({}, family);
    const io::Fd client = host.connect();
    EXPECT_EQ(ask(client, 'a'), 'a');
    host.server->close();
    host.join();
    EXPECT_TRUE(is_refused(host));
    EXPECT_EQ(ask(client, 'b'), 'b');
    EXPECT_EQ(host.server->connections(), 1u);
  }
}

TEST(ThreadedServerClose, BeforeRunDisconnectsWhoeverWaitsAndRunReturnsAtOnce) {
  const Idle idle;
  const io::Fd waiting = idle.connect();
  idle.server->close();
  EXPECT_EQ(receive(waiting), '\0');
  idle.server->run();
  EXPECT_EQ(idle.script.served.load(), 0);
  // The address is free.
  EXPECT_TRUE(io::listen(idle.address, 1));
}

TEST(ThreadedServerClose, ManyTimesAndByManyThreads) {
  Host host;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { host.server->close(); });
  host.join();
  for (std::thread& thread : threads) thread.join();
  host.server->close();
}

TEST(ThreadedServerClose, RacesWithConnectingClients) {
  for (int round = 0; round < 50; ++round) {
    const auto family = round % 2 == 0 ? Host::Family::kTcp : Host::Family::kUnix;
    Host host({}, family);
    std::thread connecting([&] {
      while (true) {
        try {
          if (ask(host.connect(), 'a') != 'a') return;
        } catch (const Error&) {
          return;
        }
      }
    });
    if (round % 4 < 2) {
      EXPECT_TRUE(eventually([&] { return host.script.served.load() > 0; }));
    }
    host.server->close();
    host.join();
    connecting.join();
  }
}

TEST(ThreadedServerStop, WithoutClientsSucceedsAtOnceAndAgain) {
  Host host;
  EXPECT_TRUE(host.server->stop(Deadline::after(Duration::zero())));
  EXPECT_TRUE(host.server->stop(Deadline::never()));
  const Idle idle;
  EXPECT_TRUE(idle.server->stop(Deadline::never())) << "without run(), too";
}

TEST(ThreadedServerStop, ClientsThatServeNothingLeaveAtOnce) {
  Host host;
  const io::Fd one = host.connect();
  const io::Fd other = host.connect();
  EXPECT_EQ(ask(one, 'a'), 'a');
  EXPECT_EQ(ask(other, 'a'), 'a');
  EXPECT_TRUE(host.server->stop(Deadline::never()));
  EXPECT_EQ(receive(one), '\0');
  EXPECT_EQ(receive(other), '\0');
  EXPECT_EQ(host.script.finished.load(), 2);
  EXPECT_EQ(host.script.interrupted.load(), 0);
  EXPECT_EQ(host.script.alive.load(), 0);
}

TEST(ThreadedServerStop, ARequestThatIsBeingServedIsAnswered) {
  Host host;
  const io::Fd client = host.connect();
  send(client, 'w');
  ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == 1; }));
  auto stopped =
      std::async(std::launch::async, [&] { return host.server->stop(Deadline::never()); });
  EXPECT_TRUE(eventually([&] { return host.script.finished.load() == 1; }));
  host.script.gate.open();
  EXPECT_TRUE(stopped.get());
  EXPECT_EQ(receive(client), 'w');
  EXPECT_EQ(receive(client), '\0');
}

TEST(ThreadedServerStop, InterruptsAtTheDeadlineWhatHasNotFinished) {
  ManualClock clock;
  Host host;
  const io::Fd idle = host.connect();
  const io::Fd busy = host.connect();
  EXPECT_EQ(ask(idle, 'a'), 'a');
  send(busy, 'w');
  ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == 1; }));
  auto stopped = std::async(std::launch::async,
                            [&] { return host.server->stop(Deadline::after(hours(1), clock)); });
  EXPECT_TRUE(eventually([&] { return host.server->connections() == 1; })) << "the idle one left";
  EXPECT_TRUE(eventually([&] { return clock.listener_count() == 1; }));
  EXPECT_EQ(host.script.interrupted.load(), 0);
  clock.advance(hours(1));
  EXPECT_FALSE(stopped.get());
  EXPECT_EQ(host.script.finished.load(), 2);
  EXPECT_EQ(host.script.interrupted.load(), 1);
  EXPECT_EQ(host.script.alive.load(), 0);
  EXPECT_EQ(receive(busy), '\0');
}

TEST(ThreadedServerStop, WaitsForAHandshakeAndDoesNotServeIt) {
  for (const bool in_time : {true, false}) {
    ManualClock clock;
    Script script;
    Gate handshake;
    std::atomic<int> making{0};
    Host host({}, Host::Family::kTcp, [&](io::Fd socket) {
      if (making.fetch_add(1) == 1) handshake.wait();
      return std::make_unique<ScriptedClient>(std::move(socket), script);
    });
    const io::Fd busy = host.connect();
    send(busy, 'w');
    ASSERT_TRUE(eventually([&] { return script.waiting.load() == 1; }));
    const io::Fd client = host.connect();
    ASSERT_TRUE(eventually([&] { return making.load() == 2; }));
    auto stopped = std::async(std::launch::async,
                              [&] { return host.server->stop(Deadline::after(hours(1), clock)); });
    EXPECT_TRUE(eventually([&] { return clock.listener_count() == 1; }));
    if (in_time) {
      script.gate.open();
    } else {
      clock.advance(hours(1));
      EXPECT_TRUE(eventually([&] { return script.interrupted.load() == 1; }));
    }
    EXPECT_TRUE(eventually([&] { return host.server->connections() == 1; }));
    handshake.open();
    EXPECT_EQ(stopped.get(), in_time);
    EXPECT_EQ(script.served.load(), 1);
    EXPECT_EQ(script.alive.load(), 0);
    EXPECT_EQ(receive(client), '\0');
  }
}

TEST(ThreadedServerStop, ManyThreadsMayStopIt) {
  Host host;
  const io::Fd client = host.connect();
  send(client, 'w');
  ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == 1; }));
  std::vector<std::future<bool>> stopping;
  stopping.reserve(4);
  for (int i = 0; i < 4; ++i) {
    stopping.push_back(
        std::async(std::launch::async, [&] { return host.server->stop(Deadline::never()); }));
  }
  EXPECT_TRUE(eventually([&] { return host.script.finished.load() == 1; }));
  EXPECT_FALSE(host.server->stop(Deadline::after(Duration::zero()))) << "this one interrupts";
  for (auto& stopped : stopping) EXPECT_TRUE(stopped.get());
  EXPECT_EQ(host.script.finished.load(), 1) << "nobody is asked twice";
  EXPECT_EQ(host.script.interrupted.load(), 1);
}

TEST(ThreadedServerStop, RacesWithClientsThatComeAndLeave) {
  for (int round = 0; round < 20; ++round) {
    Host host;
    std::vector<std::thread> clients;
    clients.reserve(4);
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&] {
        try {
          while (ask(host.connect(), 'a') == 'a') {
          }
        } catch (const Error&) {
          return;
        }
      });
    }
    EXPECT_TRUE(eventually([&] { return host.script.served.load() >= 8; }));
    EXPECT_TRUE(host.server->stop(Deadline::never()));
    EXPECT_EQ(host.script.alive.load(), 0);
    EXPECT_EQ(host.server->connections(), 0u);
    for (std::thread& client : clients) client.join();
  }
}

TEST(ThreadedServerStop, TheDestructorInterruptsWhoeverIsHere) {
  Host host;
  const io::Fd idle = host.connect();
  const io::Fd busy = host.connect();
  EXPECT_EQ(ask(idle, 'a'), 'a');
  send(busy, 'w');
  ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == 1; }));
  host.server->close();
  host.join();
  host.server.reset();
  EXPECT_EQ(host.script.alive.load(), 0);
  EXPECT_GE(host.script.interrupted.load(), 1);
  EXPECT_EQ(receive(idle), '\0');
}

}  // namespace
}  // namespace sinew::server
