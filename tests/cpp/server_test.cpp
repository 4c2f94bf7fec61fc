// Kinds of servers, who is let in, and how they end. Both ends are in this process.

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "eventually.h"
#include "with_server.h"

namespace sinew::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kToken = "a token that both of them know";

std::atomic<bool> inside{false};
std::atomic<bool> stopped{false};
std::atomic<bool> go_on{false};

// What a client may leave a function in, to be called by others.
struct Slot {
  Object function;
};

void define_functions(Module& module) {
  static const auto slots = service<Slot>("test.Slot").property("function", &Slot::function);
  module.def("add", [](int a, int b) { return a + b; })
      .def("slot", [] { return std::make_shared<Slot>(); })
      .def("twice", [](const Object& f, int x) { return f.invoke<int>(f.invoke<int>(x)); })
      .def("hold",
           [] {
             inside = true;
             return eventually([] { return go_on.load(); });
           })
      .def("until_stopped", [](std::stop_token stop) {
        inside = true;
        stopped = eventually([&] { return stop.stop_requested(); });
      });
}

Module functions() {
  Module made = module("test.functions");
  define_functions(made);
  return made;
}

class Serving : public ::testing::TestWithParam<ServerOptions::Kind> {
 protected:
  void SetUp() override {
    inside = stopped = go_on = false;
    options.kind = GetParam();
  }

  ServerOptions options;
};
INSTANTIATE_TEST_SUITE_P(Kinds, Serving,
                         ::testing::Values(ServerOptions::Kind::kThreaded,
                                           ServerOptions::Kind::kPooled),
                         [](const auto& kind) {
                           return kind.param == ServerOptions::Kind::kPooled ? "pooled"
                                                                             : "threaded";
                         });

TEST_P(Serving, ManyClientsAtOnce) {
  options.max_threads = 2;
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  std::atomic<int> wrong{0};
  std::vector<Connection> conns;
  for (int i = 0; i < 30; ++i) conns.push_back(connect(server.uri()));
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id) {
    threads.emplace_back([&, id] {
      for (int i = id; i < 300; i += 4) {
        const Object root = conns[static_cast<std::size_t>(i) % conns.size()].root();
        if (root.call<int>("add", i, 1) != i + 1) ++wrong;
        if (root.call<int>("twice", [](int x) { return 3 * x; }, i) != 9 * i) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(server.connections(), 30u);
  conns.clear();
  EXPECT_TRUE(eventually([&] { return server.connections() == 0; }));
  EXPECT_TRUE(server.stop());
}

TEST_P(Serving, AFunctionInAPropertyIsCalled) {
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  const Connection conn = connect(server.uri());
  const Object slot = conn.root().call("slot");
  slot.set("function", [](int a, int b) { return a * b; });
  EXPECT_EQ(slot.call<int>("function", 6, 7), 42);
}

TEST_P(Serving, WhatIsBeingServedMayEnd) {
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  const Connection conn = connect(server.uri());
  const auto holding = conn.root().async<bool>("hold");
  EXPECT_TRUE(eventually([] { return inside.load(); }));
  const std::jthread stopping([&] { EXPECT_TRUE(server.stop()); });
  EXPECT_THROW(
      {
        while (true) connect(server.uri()).ping();  // until it accepts nobody any more
      },
      Error);
  std::this_thread::sleep_for(200ms);  // lint: workload - longer than it takes to look at clients
  go_on = true;
  EXPECT_TRUE(holding.get());
}

TEST_P(Serving, WhatDoesNotEndIsCutOff) {
  options.drain_time = 100ms;
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  const Connection conn = connect(server.uri());
  const auto waiting = conn.root().async<void>("until_stopped");
  EXPECT_TRUE(eventually([] { return inside.load(); }));
  EXPECT_FALSE(server.stop());
  EXPECT_TRUE(stopped);
  EXPECT_THROW(waiting.get(), Error);
}

TEST_P(Serving, TooManyAreClosed) {
  options.max_connections = 2;
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  const Connection first = connect(server.uri());
  const Connection second = connect(server.uri());
  first.ping();
  second.ping();
  const Connection third = connect(server.uri());
  EXPECT_THROW(third.ping(), Error);
  first.ping();
}

TEST_P(Serving, WhoDoesNotKnowTheTokenIsRefused) {
  options.token = kToken;
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  Options client;
  client.token = kToken;
  EXPECT_EQ(connect(server.uri(), client).root().call<int>("add", 1, 2), 3);
  client.token = "a token that is another one";
  EXPECT_NE(thrown_by([&] { connect(server.uri(), client); }).find("the token is wrong"),
            std::string::npos);
  client.token = "";
  const Connection none = connect(server.uri(), client);
  EXPECT_NE(thrown_by([&] { none.ping(); }).find("the server wants a token"), std::string::npos);
}

TEST_P(Serving, AServerWithoutTokensIsNoticed) {
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  Options client;
  client.token = kToken;
  EXPECT_NE(thrown_by([&] { connect(server.uri(), client); }).find("does not take tokens"),
            std::string::npos);
}

TEST_P(Serving, AnAuthenticatorIsToldWhoComes) {
  std::mutex mutex;
  std::vector<ClientFacts> seen;
  options.token = kToken;
  options.authenticator = [&](const ClientFacts& client) {
    const std::scoped_lock lock(mutex);
    seen.push_back(client);
    if (seen.size() == 3) throw std::runtime_error("not today");
    return seen.size() == 1;
  };
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  Options client;
  client.token = kToken;
  const Connection first = connect(server.uri(), client);
  first.ping();
  for (int i = 0; i < 2; ++i) {
    const Connection next = connect(server.uri(), client);
    EXPECT_THROW(next.ping(), Error);
  }
  first.ping();
  const std::scoped_lock lock(mutex);
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].source, "127.0.0.1");
  EXPECT_NE(seen[0].description.find("127.0.0.1:"), std::string::npos);
  EXPECT_TRUE(seen[0].knows_token);
  EXPECT_FALSE(seen[0].is_tls);
  EXPECT_EQ(seen[0].user, std::nullopt);
}

TEST_P(Serving, AUnixSocketTellsWhichUserComes) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("sinew-server-test-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::atomic<unsigned> user{0};
  options.authenticator = [&](const ClientFacts& client) {
    user = client.user.value_or(4'000'000'000);
    return client.source == "this machine";
  };
  {
    Server server(functions(), "unix://" + (folder / "socket").string(), options);
    server.start();
    EXPECT_EQ(connect(server.uri()).root().call<int>("add", 1, 2), 3);
  }
  EXPECT_EQ(user, ::geteuid());
  std::filesystem::remove_all(folder);
}

TEST(Pooled, SilentClientsCostNoThread) {
  ServerOptions options;
  options.kind = ServerOptions::Kind::kPooled;
  options.max_threads = 1;
  options.token = kToken;
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  Options client;
  client.token = "";
  std::vector<Connection> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(connect(server.uri(), client));
  client.token = kToken;
  EXPECT_EQ(connect(server.uri(), client).root().call<int>("add", 1, 2), 3);
  EXPECT_TRUE(eventually([&] { return server.connections() == 20; }));
}

// Connects to a server of this machine without a word, or with one byte.
class Stranger {
 public:
  explicit Stranger(const Server& server) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const std::string& uri = server.uri();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(uri.substr(uri.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  Stranger(Stranger&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  ~Stranger() {
    if (socket_ >= 0) ::close(socket_);
  }

  void say_a_byte() const { EXPECT_EQ(::send(socket_, "", 1, 0), 1); }

 private:
  int socket_;
};

std::vector<Stranger> strangers(const Server& server, int count) {
  std::vector<Stranger> made;
  for (int i = 0; i < count; ++i) made.emplace_back(server).say_a_byte();
  return made;
}

class PooledWithToken : public ::testing::Test {
 protected:
  PooledWithToken() {
    options.kind = ServerOptions::Kind::kPooled;
    options.max_threads = 2;
    options.token = client.token = kToken;
  }

  ServerOptions options;
  Options client;
};

TEST_F(PooledWithToken, StrangersDoNotSilenceWhoIsKnown) {
  options.handshake_timeout = 60s;
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  const Connection known = connect(server.uri(), client);
  known.ping();
  {
    const auto here = strangers(server, 6);
    EXPECT_TRUE(eventually([&] { return server.connections() == 7; }));
    const TimeLimit limit(20s);
    for (int i = 0; i < 200; ++i) known.ping();
  }
  EXPECT_TRUE(eventually([&] { return server.connections() == 1; })) << "also who only waited";
  connect(server.uri(), client).ping();
}

TEST_F(PooledWithToken, WhoWaitsForOthersIsAdmittedOnceTheyAreGone) {
  options.handshake_timeout = 60s;
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  connect(server.uri(), client).ping();
  EXPECT_TRUE(eventually([&] { return server.connections() == 0; }));
  auto here = strangers(server, 1);
  EXPECT_TRUE(eventually([&] { return server.connections() == 1; }));
  std::vector<std::thread> newcomers;
  std::atomic<int> served{0};
  for (int i = 0; i < 5; ++i) {
    newcomers.emplace_back([&] {
      if (connect(server.uri(), client).root().call<int>("add", 1, 2) == 3) ++served;
    });
  }
  EXPECT_TRUE(eventually([&] { return server.connections() == 6; }));
  here.clear();
  for (std::thread& one : newcomers) one.join();
  EXPECT_EQ(served, 5);
}

TEST_F(PooledWithToken, NobodyWaitsForEver) {
  options.handshake_timeout = 100ms;
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  const auto here = strangers(server, 8);
  EXPECT_TRUE(eventually([&] { return server.connections() == 0; }));
}

TEST(OneShot, WhoLeavesWithoutAWordDoesNotCount) {
  ServerOptions options;
  options.kind = ServerOptions::Kind::kOneShot;
  Server server(functions(), "tcp://127.0.0.1:0", options);
  const std::jthread running([&] { EXPECT_TRUE(server.run()); });
  {
    const Stranger silent(server);
    EXPECT_TRUE(eventually([&] { return server.connections() == 1; }));
  }
  EXPECT_TRUE(eventually([&] { return server.connections() == 0; }));
  EXPECT_EQ(connect(server.uri()).root().call<int>("add", 1, 2), 3);
}

TEST(OneShot, ServesTheFirstWhoAsks) {
  ServerOptions options;
  options.kind = ServerOptions::Kind::kOneShot;
  Server server(functions(), "tcp://127.0.0.1:0", options);
  const std::jthread running([&] { server.run(); });
  const Connection late = connect(server.uri());
  const Connection first = connect(server.uri());
  EXPECT_TRUE(eventually([&] { return server.connections() == 2; }));
  EXPECT_EQ(first.root().call<int>("add", 1, 2), 3);
  EXPECT_THROW(late.ping(), Error);
  EXPECT_EQ(first.root().call<int>("add", 1, 2), 3);
}

TEST(Started, Once) {
  Server server(functions(), "tcp://127.0.0.1:0");
  server.start();
  EXPECT_EQ(thrown_by([&] { server.start(); }), "the server was started already");
  EXPECT_EQ(connect(server.uri()).root().call<int>("add", 1, 2), 3);
}

TEST(ASignal, EndsEveryServerThatRuns) {
  for (int round = 0; round < 2; ++round) {
    Server one(functions(), "tcp://127.0.0.1:0");
    Server two(functions(), "tcp://127.0.0.1:0");
    std::jthread first([&] { one.run(); });
    std::jthread second([&] { two.run(); });
    connect(one.uri()).ping();  // who is served is watched over
    connect(two.uri()).ping();
    ::kill(::getpid(), SIGTERM);
    first.join();
    second.join();
  }
}

TEST(OneShot, EndsWithItsClient) {
  ServerOptions options;
  options.kind = ServerOptions::Kind::kOneShot;
  options.token = kToken;
  Server server(functions(), "tcp://127.0.0.1:0", options);
  std::atomic<bool> over{false};
  const std::jthread running([&] {
    EXPECT_TRUE(server.run());
    over = true;
  });
  Options client;
  client.token = "a token that is another one";
  EXPECT_THROW(connect(server.uri(), client), Error);  // does not count
  client.token = kToken;
  {
    const Connection conn = connect(server.uri(), client);
    EXPECT_EQ(conn.root().call<int>("add", 1, 2), 3);
    EXPECT_THROW(connect(server.uri(), client), Error) << "one client only";
    EXPECT_EQ(conn.root().call<int>("add", 1, 2), 3);
    EXPECT_FALSE(over);
  }
  EXPECT_TRUE(eventually([&] { return over.load(); }));
}

TEST(OneShot, StopsWithoutAClientAndWithOne) {
  ServerOptions options;
  options.kind = ServerOptions::Kind::kOneShot;
  for (const bool with_client : {false, true}) {
    Server server(functions(), "tcp://127.0.0.1:0", options);
    const std::jthread running([&] { server.run(); });
    std::optional<Connection> conn;
    if (with_client) {
      conn = connect(server.uri());
      conn->ping();
    }
    server.stop();
  }
}

TEST(AnAddressThatOthersReach, NeedsThatSomebodyIsAsked) {
  ServerOptions options;
  const auto serve = [&] { Server server(functions(), "tcp://0.0.0.0:0", options); };
  EXPECT_NE(thrown_by(serve).find("options.token_file = "), std::string::npos);
  options.insecure = true;
  EXPECT_EQ(thrown_by(serve), "");
  options.insecure = false;
  options.token = kToken;
  EXPECT_EQ(thrown_by(serve), "");
  options.token.reset();
  options.authenticator = [](const ClientFacts&) { return true; };
  EXPECT_EQ(thrown_by(serve), "");
}

class TokenFile : public ::testing::Test {
 protected:
  void SetUp() override { std::ofstream(path) << "  " << kToken << "\n"; }
  void TearDown() override {
    std::filesystem::remove(path);
    ::unsetenv("SINEW_TOKEN");
    ::unsetenv("SINEW_TOKEN_FILE");
  }
  std::string refusal() {
    return thrown_by([&] { Server server(functions(), "tcp://127.0.0.1:0", options); });
  }

  const std::string path =
      (std::filesystem::temp_directory_path() / ("sinew-token-" + std::to_string(::getpid())))
          .string();
  ServerOptions options;
};

TEST_F(TokenFile, IsForItsOwnerOnly) {
  options.token_file = path;
  ::chmod(path.c_str(), 0640);
  EXPECT_EQ(refusal(), "others may use the token in " + path + " (mode 640): chmod 600 " + path);
  ::chmod(path.c_str(), 0600);
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  Options client;
  client.token = kToken;
  EXPECT_EQ(connect(server.uri(), client).root().call<int>("add", 1, 2), 3);
}

TEST_F(TokenFile, IsFoundThroughTheEnvironment) {
  ::chmod(path.c_str(), 0600);
  ::setenv("SINEW_TOKEN_FILE", path.c_str(), 1);
  Server server(functions(), "tcp://127.0.0.1:0", options);
  server.start();
  EXPECT_EQ(connect(server.uri()).root().call<int>("add", 1, 2), 3);
  ::setenv("SINEW_TOKEN", kToken, 1);
  EXPECT_NE(refusal().find("which one is meant"), std::string::npos);
  ::unsetenv("SINEW_TOKEN_FILE");
  EXPECT_EQ(connect(server.uri()).root().call<int>("add", 1, 2), 3);
}

TEST_F(TokenFile, MustHoldAToken) {
  options.token_file = path + "-none";
  EXPECT_NE(refusal().find("No such file"), std::string::npos);
  options.token_file = path;
  options.token = kToken;
  EXPECT_NE(refusal().find("which one is meant"), std::string::npos);
  options.token_file = "";
  options.token = "short";
  EXPECT_NE(refusal().find("has 5 bytes, and needs 16 to 4096"), std::string::npos);
  options.token = std::string(5000, 'x');
  EXPECT_NE(refusal().find("has 5000 bytes"), std::string::npos);
}

}  // namespace
}  // namespace sinew::testing
