#pragma once

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "io/address.h"
#include "server/test_script.h"
#include "server/threaded.h"

/// For the tests of threaded.h.
namespace sinew::server::testing {

class ScriptedClient final : public ThreadedClient {
 public:
  ScriptedClient(io::Fd socket, Script& script) : socket_(std::move(socket)), script_(script) {
    script_.alive.fetch_add(1);
  }
  ~ScriptedClient() override { script_.alive.fetch_sub(1); }

  void serve() noexcept override {
    script_.served.fetch_add(1);
    script_.note_thread();
    char request = 0;
    while (::recv(socket_.get(), &request, 1, 0) == 1 && request != 'q') {
      if (request == 'w') {
        script_.waiting.fetch_add(1);
        script_.gate.wait();
      }
      ::send(socket_.get(), &request, 1, MSG_NOSIGNAL);
    }
  }
  void finish() noexcept override {
    script_.finished.fetch_add(1);
    ::shutdown(socket_.get(), SHUT_RD);
  }
  void interrupt() noexcept override {
    script_.interrupted.fetch_add(1);
    ::shutdown(socket_.get(), SHUT_RDWR);
    script_.gate.open();
  }

 private:
  io::Fd socket_;
  Script& script_;
};

/// A threaded server with a thread that accepts.
class Host {
 public:
  enum class Family { kTcp, kUnix };

  explicit Host(const ThreadedServer::Options& options = {}, Family family = Family::kTcp,
                ThreadedServer::Factory factory = {})
      : Host(
            options, address_of(family), factory ? std::move(factory) : [this](io::Fd socket) {
              return std::make_unique<ScriptedClient>(std::move(socket), script);
            }) {}
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() {
    if (server != nullptr) server->close();
    join();
  }

  io::Fd connect() const {
    return io::connect(address_, Deadline::after(std::chrono::seconds(30)));
  }

  /// Waits until run() has returned.
  void join() {
    if (accepting.joinable()) accepting.join();
  }

  Script script;
  std::unique_ptr<ThreadedServer> server;
  std::thread accepting;

 private:
  Host(const ThreadedServer::Options& options, const io::Address& address,
       ThreadedServer::Factory factory)
      : address_(address) {
    io::Fd listener = io::listen(address, 64);
    if (address.family == io::Address::Family::kTcp) {
      address_ = io::local_address(listener.get());
    }
    server = std::make_unique<ThreadedServer>(std::move(listener), std::move(factory), options);
    accepting = std::thread([this] { server->run(); });
  }

  static io::Address address_of(Family family) {
    static std::atomic<int> count{0};
    if (family == Family::kTcp) return io::Address::tcp("127.0.0.1", 0);
    return io::Address::unix_socket(std::string("\0sinew-server-", 14) +
                                    std::to_string(::getpid()) + "-" +
                                    std::to_string(count.fetch_add(1)));
  }

  io::Address address_;
};

}  // namespace sinew::server::testing
