// Threads and limits of a pool. The end of connections and of the pool: pooled_stop_test.cpp.

#include "server/pooled.h"

#include <gtest/gtest.h>

#include "base/eventually.h"
#include "server/test_pool.h"

namespace sinew::server {
namespace {

using namespace testing;
using std::chrono::milliseconds;

TEST(Pool, OneThreadServesManyConnections) {
  PoolHost host(PoolHost::steady(1));
  std::vector<io::Fd> clients;
  clients.reserve(100);
  for (int i = 0; i < 100; ++i) clients.push_back(host.connect());
  for (int round = 0; round < 3; ++round) {
    for (const io::Fd& client : clients) EXPECT_EQ(ask(client, 'a'), 'a');
  }
  EXPECT_EQ(host.pool->connections(), 100u);
  EXPECT_EQ(host.pool->threads(), 1u);
  EXPECT_EQ(host.script.threads_seen(), 1u);
}

TEST(Pool, ItsFirstConnectionBringsAThreadAndIsServedBeforeItSendsAnything) {
  PoolHost host(PoolHost::steady(1));
  EXPECT_EQ(host.pool->threads(), 0u);
  EXPECT_EQ(host.threads_started(), 0u);
  const io::Fd client = host.connect();
  EXPECT_EQ(host.threads_started(), 1u);
  EXPECT_TRUE(eventually([&] { return host.script.served.load() == 1; }));
}

TEST(Pool, AnIdleConnectionIsServedSoonWhenAskedFor) {
  PoolHost host(PoolHost::steady(1));
  const io::Fd client = host.connect();
  EXPECT_EQ(ask(client, 'a'), 'a');
  const int before = host.script.served.load();
  host.pool->serve_soon(host.script.last_token.load());
  EXPECT_TRUE(eventually([&] { return host.script.served.load() > before; }));
}

TEST(Pool, AConnectionThatIsBeingServedIsServedAgainWhenAskedFor) {
  PoolHost host(PoolHost::steady(1));
  const io::Fd client = host.connect();
  send(client, 'w');
  ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == 1; }));
  const int before = host.script.served.load();
  host.pool->serve_soon(host.script.last_token.load());
  host.script.gate.open();
  EXPECT_TRUE(eventually([&] { return host.script.served.load() > before; }));
  EXPECT_EQ(host.script.overlapped.load(), 0);
}

TEST(Pool, ServingSoonWhatHasLeftIsNothing) {
  PoolHost host(PoolHost::steady(1));
  {
    const io::Fd client = host.connect();
  }
  ASSERT_TRUE(eventually([&] { return host.script.gone.load() == 1; }));
  host.pool->serve_soon(host.script.last_token.load());
  host.pool->serve_soon(12345);
  EXPECT_EQ(host.pool->connections(), 0u);
}

TEST(Pool, ABusyThreadAsksForAnotherUpToMaxThreads) {
  PoolHost host(PoolHost::steady(3));
  std::vector<io::Fd> busy;
  busy.reserve(3);
  for (int i = 0; i < 3; ++i) {
    busy.push_back(host.connect());
    EXPECT_EQ(ask(busy.back(), 'a'), 'a') << "beside " << i << " that are busy";
    send(busy.back(), 'w');
    ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == i + 1; }));
  }
  const io::Fd one_too_many = host.connect();
  send(one_too_many, 'b');
  EXPECT_EQ(host.pool->threads(), 3u);
  host.script.gate.open();
  EXPECT_EQ(receive(one_too_many), 'b');
  for (const io::Fd& client : busy) EXPECT_EQ(receive(client), 'w');
  EXPECT_EQ(host.threads_started(), 3u);
}

TEST(Pool, SpareThreadsLeaveButForOne) {
  Pool::Options options = PoolHost::steady(4);
  options.spare_thread_stays = milliseconds(1);
  PoolHost host(options);
  std::vector<io::Fd> busy;
  busy.reserve(4);
  for (int i = 0; i < 4; ++i) {
    busy.push_back(host.connect());
    send(busy.back(), 'w');
  }
  ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == 4; }));
  EXPECT_EQ(host.pool->threads(), 4u);
  host.script.gate.open();
  EXPECT_TRUE(eventually([&] { return host.pool->threads() == 1; }));
  for (const io::Fd& client : busy) EXPECT_EQ(receive(client), 'w');
  EXPECT_EQ(ask(busy.front(), 'a'), 'a');
}

// Two that find themselves spare at the same moment must not both leave: nobody would serve.
TEST(Pool, SpareThreadsNeverLeaveAllAtOnce) {
  Pool::Options options = PoolHost::steady(16);
  options.spare_thread_stays = Duration::zero();
  PoolHost host(options);
  std::vector<io::Fd> clients;
  clients.reserve(16);
  for (int i = 0; i < 16; ++i) clients.push_back(host.connect());
  for (int round = 0; round < 200; ++round) {
    for (const io::Fd& client : clients) send(client, 'a');
    for (const io::Fd& client : clients) ASSERT_EQ(receive(client), 'a');
    ASSERT_GE(host.pool->threads(), 1u);
  }
}

TEST(Pool, RequestsOfOneConnectionNeverOverlap) {
  PoolHost host(PoolHost::steady(8));
  std::vector<std::thread> talking;
  talking.reserve(4);
  for (int i = 0; i < 4; ++i) {
    talking.emplace_back([client = host.connect()] {
      for (int sent = 0; sent < 500; ++sent) {
        send(client, 'a');
        send(client, 'b');
        EXPECT_EQ(receive(client), 'a');
        EXPECT_EQ(receive(client), 'b');
      }
    });
  }
  for (std::thread& thread : talking) thread.join();
  EXPECT_EQ(host.script.overlapped.load(), 0);
}

TEST(Pool, NoConnectionIsTakenInBeyondMaxConnectionsUntilOneLeaves) {
  Pool::Options options = PoolHost::steady(1);
  options.max_connections = 2;
  PoolHost host(options);
  io::Fd first = host.connect();
  const io::Fd second = host.connect();
  EXPECT_FALSE(host.connect());
  EXPECT_EQ(host.added.error(), Errc::kQueueFull);
  EXPECT_EQ(host.script.gone.load(), 0);
  first.reset();
  EXPECT_TRUE(eventually([&] { return host.pool->connections() == 1; }));
  const io::Fd third = host.connect();
  EXPECT_EQ(ask(third, 'a'), 'a');
}

TEST(Pool, WithoutAThreadNoConnectionIsTakenIn) {
  const Recorder recorder;
  PoolHost host(PoolHost::steady(2));
  host.may_start = 0;
  EXPECT_FALSE(host.connect());
  EXPECT_EQ(host.added.error(), Errc::kQueueFull);
  EXPECT_TRUE(recorder.heard("no thread left"));
  EXPECT_EQ(host.pool->threads(), 0u);
  EXPECT_EQ(host.pool->connections(), 0u);
  EXPECT_EQ(host.script.alive.load(), 0);
  EXPECT_EQ(host.script.gone.load(), 0);
  host.may_start = 2;
  const io::Fd client = host.connect();
  EXPECT_EQ(ask(client, 'a'), 'a');
}

TEST(Pool, AThreadThatGetsNoHelpServesAloneUntilItDoes) {
  PoolHost host(PoolHost::steady(2));
  host.may_start = 1;
  const io::Fd one = host.connect();
  const io::Fd other = host.connect();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(ask(one, 'a'), 'a');
    EXPECT_EQ(ask(other, 'a'), 'a');
  }
  EXPECT_EQ(host.script.threads_seen(), 1u);
  host.may_start = 2;
  send(one, 'w');
  EXPECT_EQ(ask(other, 'a'), 'a');
  EXPECT_TRUE(eventually([&] { return host.pool->threads() == 2; }));
}

}  // namespace
}  // namespace sinew::server
