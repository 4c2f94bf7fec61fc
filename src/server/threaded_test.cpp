// Accepting and serving, and the limits of it. The end: threaded_stop_test.cpp.

#include "server/threaded.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>

#include <stdexcept>
#include <vector>

#include "base/eventually.h"
#include "io/socket_stream.h"
#include "rpc/test_dialect.h"
#include "server/test_threaded.h"

namespace sinew::server {
namespace {

using namespace testing;
using std::chrono::hours;
using std::chrono::milliseconds;

/// Leaves the process one descriptor more than it has, until destroyed.
class OneMoreDescriptor {
 public:
  OneMoreDescriptor() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const io::Fd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const rlimit lowered{.rlim_cur = static_cast<rlim_t>(next.get()) + 1,
                         .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &lowered);
  }
  OneMoreDescriptor(const OneMoreDescriptor&) = delete;
  OneMoreDescriptor& operator=(const OneMoreDescriptor&) = delete;
  ~OneMoreDescriptor() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// No thread can be started until it is destroyed: the stack of one would not fit into the address
/// space. (A limit on processes does not hold for root.)
class NoMoreThreads {
 public:
  NoMoreThreads() {
    ::pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    ::pthread_getattr_default_np(&huge);
    ::pthread_attr_setstacksize(&huge, std::size_t{1} << 50);
    ::pthread_setattr_default_np(&huge);
    ::pthread_attr_destroy(&huge);
  }
  NoMoreThreads(const NoMoreThreads&) = delete;
  NoMoreThreads& operator=(const NoMoreThreads&) = delete;
  ~NoMoreThreads() {
    ::pthread_setattr_default_np(&before_);
    ::pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_{};
};

class RpcClient final : public ThreadedClient {
 public:
  RpcClient(io::Fd socket, Script& script) : script_(script) {
    side_.dispatcher.on_request = [&script](rpc::Connection&, std::string_view body) {
      script.waiting.fetch_add(1);
      script.gate.wait();
      return rpc::testing::TestDispatcher::Answer(body);
    };
    side_.open(std::make_unique<io::SocketStream>(std::move(socket)));
  }
  void serve() noexcept override {
    while (side_->serve(Deadline::never(), /*once=*/false) != rpc::WaitStatus::kDead) {
    }
  }
  void finish() noexcept override {
    script_.finished.fetch_add(1);
    ::shutdown(side_->stream().descriptor(), SHUT_RD);
  }
  void interrupt() noexcept override { side_->fail(Error(Error::Kind::kFailed, "interrupted")); }

 private:
  Script& script_;
  rpc::testing::Side side_;
};

std::int64_t live_connections() {
  return snapshot()[static_cast<std::size_t>(Counted::kConnection)].live;
}

TEST(ThreadedServer, ABlockedClientDoesNotHoldUpAnother) {
  for (const auto family : {Host::Family::kTcp, Host::Family::kUnix}) {
    Host host({}, family);
    const io::Fd blocked = host.connect();
    const io::Fd other = host.connect();
    send(blocked, 'w');
    ASSERT_TRUE(eventually([&] { return host.script.waiting.load() == 1; }));
    EXPECT_EQ(ask(other, 'a'), 'a');
    EXPECT_EQ(ask(other, 'b'), 'b');
    host.script.gate.open();
    EXPECT_EQ(receive(blocked), 'w');
    EXPECT_EQ(host.script.threads_seen(), 2u);
    EXPECT_EQ(host.server->connections(), 2u);
    EXPECT_EQ(host.server->refused(), 0u);
  }
}

TEST(ThreadedServer, AConnectionIsServedAndFinishesItsRequest) {
  const std::int64_t before = live_connections();
  Script script;
  {
    Host host({}, Host::Family::kTcp, [&](io::Fd socket) {
      return std::make_unique<RpcClient>(std::move(socket), script);
    });
    rpc::testing::Side client;
    client.open(std::make_unique<io::SocketStream>(host.connect()));
    std::string answer;
    std::thread asking([&] { answer = rpc::testing::ask(*client.connection, "slow"); });
    EXPECT_TRUE(eventually([&] { return script.waiting.load() == 1; }));
    EXPECT_EQ(live_connections(), before + 2);
    std::thread opening([&] {
      EXPECT_TRUE(eventually([&] { return script.finished.load() == 1; }));
      script.gate.open();
    });
    EXPECT_TRUE(host.server->stop(Deadline::never()));
    EXPECT_EQ(live_connections(), before + 1) << "that of this test";
    asking.join();
    opening.join();
    EXPECT_EQ(answer, "slow");
  }
  EXPECT_EQ(live_connections(), before);
}

TEST(ThreadedServer, AClientBeyondMaxConnectionsIsRefusedUntilOneLeaves) {
  const Recorder recorder;
  ThreadedServer::Options options;
  options.max_connections = 2;
  Host host(options);
  io::Fd first = host.connect();
  const io::Fd second = host.connect();
  EXPECT_EQ(ask(first, 'a'), 'a');
  EXPECT_EQ(ask(second, 'a'), 'a');
  EXPECT_EQ(ask(host.connect(), 'a'), '\0');
  EXPECT_TRUE(eventually([&] { return host.server->refused() == 1; }));
  EXPECT_TRUE(recorder.heard("max_connections"));
  EXPECT_EQ(host.server->connections(), 2u);
  first.reset();
  EXPECT_TRUE(eventually([&] { return host.server->connections() == 1; }));
  EXPECT_EQ(ask(host.connect(), 'a'), 'a');
  EXPECT_EQ(host.server->refused(), 1u);
}

TEST(ThreadedServer, AClientThatTheFactoryDoesNotMakeIsRefused) {
  const Recorder recorder;
  Script script;
  std::atomic<int> calls{0};
  Host host({}, Host::Family::kTcp, [&](io::Fd socket) -> std::unique_ptr<ThreadedClient> {
    switch (calls.fetch_add(1)) {
      case 0: return nullptr;
      case 1: throw std::runtime_error("a bad handshake");
      case 2: throw 3;
      default: break;
    }
    EXPECT_EQ(::fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0) << "in blocking mode";
    return std::make_unique<ScriptedClient>(std::move(socket), script);
  });
  for (std::uint64_t refused = 1; refused <= 3; ++refused) {
    EXPECT_EQ(ask(host.connect(), 'a'), '\0');
    EXPECT_TRUE(eventually([&] { return host.server->refused() == refused; }));
  }
  EXPECT_TRUE(recorder.heard("does not want it"));
  EXPECT_TRUE(recorder.heard("a bad handshake"));
  EXPECT_TRUE(recorder.heard("no std::exception"));
  EXPECT_TRUE(recorder.heard("127.0.0.1:"));
  EXPECT_TRUE(eventually([&] { return host.server->connections() == 0; }));
  EXPECT_EQ(ask(host.connect(), 'a'), 'a');
  EXPECT_EQ(host.server->refused(), 3u);
}

TEST(ThreadedServer, ASlowHandshakeHoldsUpNobodyElse) {
  Script script;
  std::atomic<int> calls{0};
  Host host({}, Host::Family::kTcp, [&](io::Fd socket) {
    if (calls.fetch_add(1) == 0) script.gate.wait();
    return std::make_unique<ScriptedClient>(std::move(socket), script);
  });
  const io::Fd slow = host.connect();
  ASSERT_TRUE(eventually([&] { return calls.load() == 1; }));
  const io::Fd quick = host.connect();
  EXPECT_EQ(ask(quick, 'a'), 'a');
  EXPECT_EQ(host.server->connections(), 2u) << "one that is being made counts";
  script.gate.open();
  EXPECT_EQ(ask(slow, 'a'), 'a');
}

TEST(ThreadedServer, ThreadsOfClientsThatHaveLeftAreJoinedAsItGoes) {
  constexpr int kClients = 200;
  Host host;
  for (int i = 0; i < kClients; ++i) {
    EXPECT_EQ(ask(host.connect(), 'a'), 'a');
    ASSERT_TRUE(eventually([&] { return host.server->connections() == 0; }));
  }
  EXPECT_EQ(host.script.served.load(), kClients);
  // The number of a thread is not given to another one before it has been joined.
  EXPECT_LT(host.script.threads_seen(), kClients / 10u);
}

TEST(ThreadedServer, ASignalDoesNotEndIt) {
  const InterruptingSignal signal;
  Host host;
  for (int i = 0; i < 100; ++i) signal.send_to(host.accepting);
  EXPECT_EQ(ask(host.connect(), 'a'), 'a');
}

TEST(ThreadedServer, OutOfThreadsItRefusesAndGoesOn) {
  const Recorder recorder;
  ThreadedServer::Options options;
  options.pause_when_exhausted = milliseconds(1);
  Host host(options);
  {
    const NoMoreThreads limit;
    EXPECT_EQ(ask(host.connect(), 'a'), '\0');
    EXPECT_TRUE(eventually([&] { return recorder.heard("no further thread"); }));
  }
  EXPECT_EQ(host.server->connections(), 0u);
  EXPECT_EQ(ask(host.connect(), 'a'), 'a');
  EXPECT_EQ(host.server->refused(), 1u);
}

// Has the server refuse one client, pause, and take another one, which is returned. Undefined
// behaviour is looked for through a pipe when a class is seen for the first time; once there are no
// descriptors it would fail, so all classes have to be seen before.
io::Fd rehearse(Host& host) {
  io::Fd leaving = host.connect();
  EXPECT_EQ(ask(leaving, 'a'), 'a');
  {
    const NoMoreThreads limit;
    EXPECT_EQ(ask(host.connect(), 'a'), '\0');
  }
  leaving.reset();
  io::Fd client = host.connect();
  EXPECT_EQ(ask(client, 'a'), 'a') << "the pause was ended by the client that left";
  return client;
}

TEST(ThreadedServer, OutOfDescriptorsItGoesOnWhenAClientLeaves) {
  const Recorder recorder;
  ThreadedServer::Options options;
  options.pause_when_exhausted = hours(1);
  Host host(options, Host::Family::kUnix);
  io::Fd leaving = rehearse(host);
  const OneMoreDescriptor limit;
  const io::Fd waiting = host.connect();  // takes it
  send(waiting, 'b');
  ASSERT_TRUE(eventually([&] { return recorder.heard("out of descriptors"); }));
  EXPECT_EQ(host.server->connections(), 1u);
  leaving.reset();
  EXPECT_EQ(receive(waiting), 'b');
  EXPECT_EQ(host.server->refused(), 1u) << "whom it cannot accept yet is not refused";
}

TEST(ThreadedServer, OutOfDescriptorsItTriesAgainAfterAPause) {
  const Recorder recorder;
  ThreadedServer::Options options;
  options.pause_when_exhausted = milliseconds(1);
  Host host(options, Host::Family::kUnix);
  const io::Fd here = rehearse(host);
  io::Fd waiting;
  {
    const OneMoreDescriptor limit;
    waiting = host.connect();
    ASSERT_TRUE(eventually([&] { return recorder.heard("out of descriptors"); }));
  }
  EXPECT_EQ(ask(waiting, 'a'), 'a');
}

TEST(ThreadedServer, CloseEndsThePause) {
  const Recorder recorder;
  ThreadedServer::Options options;
  options.pause_when_exhausted = hours(1);
  Host host(options, Host::Family::kUnix);
  const io::Fd here = rehearse(host);
  const OneMoreDescriptor limit;
  const io::Fd waiting = host.connect();
  ASSERT_TRUE(eventually([&] { return recorder.heard("out of descriptors"); }));
  host.server->close();
  host.join();
  EXPECT_EQ(receive(waiting), '\0') << "it was never accepted";
}

TEST(ThreadedServer, ThatItsListenerIsNoneIsSaid) {
  const Recorder recorder;
  ThreadedServer server(io::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
                        [](io::Fd) { return nullptr; }, {});
  server.run();
  EXPECT_TRUE(recorder.heard("listener is broken"));
}

}  // namespace
}  // namespace sinew::server
