// How connections leave a pool, and how it ends.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <future>

#include "base/eventually.h"
#include "server/test_pool.h"

namespace sinew::server {
namespace {

using namespace testing;
using std::chrono::hours;

// What interrupts a host while it starts a thread leaves it unsure whether there is one.
TEST(PoolEnd, AThreadThatNeverCameIsNotWaitedForWhenThereCanBeNone) {
  Script script;
  {
    Pool pool(PoolHost::steady(1), [] {});
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const io::Fd peer(ends[1]);
    ASSERT_TRUE(pool.add(std::make_shared<ScriptedPoolClient>(io::Fd(ends[0]), script)));
    EXPECT_EQ(pool.threads(), 1u);
    pool.count_out_all();
    EXPECT_EQ(pool.threads(), 0u);
  }
  EXPECT_EQ(script.gone.load(), 1);
}

TEST(PoolGone, OnceWhenThePeerOrTheClientEndsTheConnection) {
  PoolHost host(PoolHost::steady(2));
  io::Fd closing = host.connect();
  const io::Fd ended = host.connect();
  closing.reset();
  send(ended, 'q');
  EXPECT_EQ(receive(ended), '\0');
  EXPECT_TRUE(eventually([&] { return host.script.alive.load() == 0; }));
  EXPECT_EQ(host.script.gone.load(), 2);
  EXPECT_TRUE(host.pool->stop(Deadline::never()));
  EXPECT_EQ(host.script.gone.load(), 2);
  EXPECT_EQ(host.script.overlapped.load(), 0);
}

TEST(PoolGone, OnceWhenThePoolIsStopped) {
  PoolHost host(PoolHost::steady(2));
  const io::Fd one = host.connect();
  const io::Fd other = host.connect();
  EXPECT_EQ(ask(one, 'a'), 'a');
  EXPECT_EQ(ask(other, 'a'), 'a');
  EXPECT_TRUE(host.pool->stop(Deadline::never()));
  EXPECT_EQ(host.script.gone.load(), 2);
  EXPECT_EQ(host.script.alive.load(), 0);
  EXPECT_EQ(host.pool->connections(), 0u);
  EXPECT_EQ(host.pool->threads(), 0u);
  EXPECT_TRUE(host.pool->stop(Deadline::never())) << "twice";
  EXPECT_EQ(host.script.gone.load(), 2);
}

TEST(PoolGone, OnceWhenTheDescriptorCannotBeWatchedAnyMore) {
  PoolHost host(PoolHost::steady(1));
  const io::Fd client = host.connect();
  send(client, 'x');
  EXPECT_TRUE(eventually([&] { return host.script.alive.load() == 0; }));
  EXPECT_EQ(host.script.gone.load(), 1);
  EXPECT_EQ(host.pool->connections(), 0u);
}

TEST(PoolGone, NeverForAConnectionThatWasNotTakenIn) {
  PoolHost host(PoolHost::steady(1));
  EXPECT_EQ(host.add(io::Fd()).error(), Errc::kConnectionReset) << "no descriptor";
  const io::Fd directory(::open("/", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(host.add(io::Fd(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0))).error(),
            Errc::kConnectionReset)
      << "nothing that can be watched";
  EXPECT_EQ(host.pool->connections(), 0u);
  EXPECT_EQ(host.threads_started(), 0u);

  int ends[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const io::Fd far(ends[1]);
  const auto twice = std::make_shared<ScriptedPoolClient>(io::Fd(ends[0]), host.script);
  EXPECT_TRUE(host.pool->add(twice));
  EXPECT_EQ(host.pool->add(twice).error(), Errc::kConnectionReset) << "here already";
  EXPECT_EQ(ask(far, 'a'), 'a');

  host.pool->close();
  EXPECT_FALSE(host.connect());
  EXPECT_EQ(host.added.error(), Errc::kEndOfStream) << "closed";
  EXPECT_TRUE(host.pool->stop(Deadline::never()));
  EXPECT_EQ(host.script.gone.load(), 1) << "that of the one that was";
}

TEST(PoolGone, NotWhileItIsServed) {
  ManualClock clock;
  PoolHost host(PoolHost::steady(2));
  const io::Fd busy = host.connect();
  const io::Fd idle = host.connect();
  EXPECT_EQ(ask(idle, 'a'), 'a');
  send(busy, 'w');
  ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == 1; }));
  auto stopped = std::async(std::launch::async,
                            [&] { return host.pool->stop(Deadline::after(hours(1), clock)); });
  EXPECT_TRUE(eventually([&] { return clock.listener_count() == 1; }));
  EXPECT_TRUE(eventually([&] { return host.pool->threads() == 1; })) << "the idle one has left";
  clock.advance(hours(1));
  EXPECT_FALSE(stopped.get());
  EXPECT_EQ(host.script.gone.load(), 1) << "that of the idle one";
  EXPECT_EQ(host.pool->connections(), 1u);
  host.script.gate.open();
  EXPECT_EQ(receive(busy), 'w') << "it was answered";
  EXPECT_TRUE(host.pool->stop(Deadline::never()));
  EXPECT_EQ(host.script.gone.load(), 2);
  EXPECT_EQ(host.script.overlapped.load(), 0);
  EXPECT_EQ(host.pool->connections(), 0u);
}

TEST(PoolStop, WaitsForWhatIsBeingServed) {
  ManualClock clock;
  PoolHost host(PoolHost::steady(2));
  const io::Fd client = host.connect();
  send(client, 'w');
  ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == 1; }));
  auto stopped = std::async(std::launch::async,
                            [&] { return host.pool->stop(Deadline::after(hours(1), clock)); });
  EXPECT_TRUE(eventually([&] { return clock.listener_count() == 1; }));
  host.script.gate.open();
  EXPECT_TRUE(stopped.get());
  EXPECT_EQ(receive(client), 'w');
  EXPECT_EQ(receive(client), '\0');
  EXPECT_EQ(host.script.gone.load(), 1);
}

TEST(PoolStop, ManyThreadsMayStopIt) {
  PoolHost host(PoolHost::steady(2));
  const io::Fd client = host.connect();
  send(client, 'w');
  ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == 1; }));
  std::vector<std::future<bool>> stopping;
  stopping.reserve(4);
  for (int i = 0; i < 4; ++i) {
    stopping.push_back(
        std::async(std::launch::async, [&] { return host.pool->stop(Deadline::never()); }));
  }
  EXPECT_FALSE(host.pool->stop(Deadline::after(Duration::zero())));
  host.script.gate.open();
  for (auto& stopped : stopping) EXPECT_TRUE(stopped.get());
  EXPECT_EQ(host.script.gone.load(), 1);
}

TEST(PoolStop, AThreadThatComesAfterwardsLeavesAtOnce) {
  Script script;
  int wanted = 0;
  Pool pool(PoolHost::steady(1), [&] { ++wanted; });
  int ends[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const io::Fd far(ends[1]);
  ASSERT_TRUE(pool.add(std::make_shared<ScriptedPoolClient>(io::Fd(ends[0]), script)));
  ASSERT_EQ(wanted, 1);
  EXPECT_EQ(pool.threads(), 1u) << "on its way";
  EXPECT_FALSE(pool.stop(Deadline::after(Duration::zero())));
  EXPECT_EQ(script.gone.load(), 1);
  pool.run();
  EXPECT_EQ(pool.threads(), 0u);
  EXPECT_EQ(script.served.load(), 0);
}

TEST(PoolStop, TheDestructorWaitsForItsThreadsAndLetsGoOfConnections) {
  PoolHost host(PoolHost::steady(3));
  const io::Fd idle = host.connect();
  const io::Fd busy = host.connect();
  EXPECT_EQ(ask(idle, 'a'), 'a');
  send(busy, 'w');
  ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == 1; }));
  // Later, but then the destructor has to wait for it.
  std::thread opening([&] { host.script.gate.open(); });
  delete host.pool.release();
  EXPECT_EQ(host.script.gone.load(), 2);
  EXPECT_EQ(host.script.alive.load(), 0);
  EXPECT_EQ(receive(busy), 'w');
  opening.join();
}

TEST(PoolStop, RacesWithConnectionsThatComeAndLeave) {
  for (int round = 0; round < 20; ++round) {
    PoolHost host(PoolHost::steady(4));
    std::atomic<int> taken_in{0};
    std::vector<std::thread> clients;
    clients.reserve(4);
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&] {
        while (true) {
          int ends[2] = {-1, -1};
          EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
          const io::Fd far(ends[1]);
          if (!host.add(io::Fd(ends[0]))) return;
          taken_in.fetch_add(1);
          if (ask(far, 'a') != 'a') return;
        }
      });
    }
    EXPECT_TRUE(eventually([&] { return taken_in.load() >= 20; }));
    EXPECT_TRUE(host.pool->stop(Deadline::never()));
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(host.script.gone.load(), taken_in.load());
    EXPECT_EQ(host.script.alive.load(), 0);
  }
}

}  // namespace
}  // namespace sinew::server
