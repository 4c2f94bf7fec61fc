#include "server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace sinew::testing {
namespace {

constexpr int kStartLimit = 30'000;  // ms

const char* python() noexcept { return std::getenv("SINEW_TEST_PYTHON"); }

std::string read_line(int descriptor) {
  std::string line;
  pollfd ready{descriptor, POLLIN, 0};
  for (char c = 0; ::poll(&ready, 1, kStartLimit) == 1 && ::read(descriptor, &c, 1) == 1;) {
    if (c == '\n') return line;
    line += c;
  }
  throw std::runtime_error("a server did not start");
}

// From {"port": 4711}.
std::uint16_t port_in(const std::string& line) {
  const std::size_t digits = line.find_first_of("0123456789");
  std::uint16_t port = 0;
  if (digits != std::string::npos) {
    std::from_chars(line.data() + digits, line.data() + line.size(), port);
  }
  if (port == 0) throw std::runtime_error("a server said: " + line);
  return port;
}

}  // namespace

std::string ServerProcess::why_missing(std::string_view implementation) {
  if (python() == nullptr || ::access(python(), X_OK) != 0) {
    return "SINEW_TEST_PYTHON names no Python to run servers with";
  }
  static const bool has_ours =
      std::system((std::string(python()) + " -c 'import sinew._sinew' 2>/dev/null").c_str()) == 0;
  if (implementation == "ours" && !has_ours) return "SINEW_TEST_PYTHON cannot import sinew";
  return {};
}

ServerProcess::ServerProcess(std::string_view implementation, std::string_view service) {
  std::array<int, 2> to{};
  std::array<int, 2> from{};
  if (::pipe2(to.data(), O_CLOEXEC) != 0 || ::pipe2(from.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe2");
  }
  std::vector<std::string> words{python(),    SINEW_PEERS "/serve.py",
                                 "--impl",    std::string(implementation),
                                 "--service", std::string(service)};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, to[0], 0);
  ::posix_spawn_file_actions_adddup2(&actions, from[1], 1);
  const int failed = ::posix_spawn(&process_, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(to[0]);
  ::close(from[1]);
  input_ = to[1];
  if (failed != 0) throw std::runtime_error("cannot start " + words[0]);
  port_ = port_in(read_line(from[0]));
  ::close(from[0]);
}

ServerProcess::~ServerProcess() {
  kill();
  ::close(input_);
}

void ServerProcess::kill() noexcept {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(std::exchange(process_, -1), nullptr, 0);
}

std::string ServerProcess::uri() const { return "tcp://127.0.0.1:" + std::to_string(port_); }

ServerProcess& ServerProcess::shared(const std::string& implementation,
                                     const std::string& service) {
  static std::map<std::pair<std::string, std::string>, std::unique_ptr<ServerProcess>> servers;
  auto& server = servers[{implementation, service}];
  if (!server) server = std::make_unique<ServerProcess>(implementation, service);
  return *server;
}

}  // namespace sinew::testing
