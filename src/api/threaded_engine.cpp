// A thread for each client; also the server of one client only.

#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "api/server_engine.h"
#include "base/error.h"
#include "server/threaded.h"

namespace sinew::detail {
namespace {

// One client, on a thread of its own.
class Client final : public server::ThreadedClient {
 public:
  Client(std::shared_ptr<Peer> peer, std::chrono::nanoseconds patience,
         std::function<void()> left = {})
      : peer_(std::move(peer)),
        socket_(peer_->connection().stream().descriptor()),
        patience_(patience),
        left_(std::move(left)) {}
  ~Client() override {
    peer_->close();
    if (left_) left_();
  }

  void serve() noexcept override {
    rpc::Connection& connection = peer_->connection();
    // Who says nothing costs a thread.
    static_cast<void>(connection.serve(Deadline::after(patience_), /*once=*/true));
    if (!peer_->session().has_heard()) return;
    while (!connection.is_dead()) {
      static_cast<void>(connection.serve(Deadline::never(), /*once=*/false));
    }
  }
  void finish() noexcept override {
    peer_->connection().expect_no_more();
    ::shutdown(socket_, SHUT_RD);
  }
  void interrupt() noexcept override {
    peer_->connection().fail(Error(Error::Kind::kDisconnected, "the server was stopped"));
  }

 private:
  const std::shared_ptr<Peer> peer_;
  const int socket_;  // the stream's, which lives as long as the peer
  const std::chrono::nanoseconds patience_;
  const std::function<void()> left_;  // told that it has left; empty: nobody asks
};

class ThreadedEngine final : public ServerEngine {
 public:
  ThreadedEngine(io::Fd listener, std::shared_ptr<Admission> admission)
      : admission_(std::move(admission)),
        is_for_one_(admission_->options().kind == ServerOptions::Kind::kOneShot),
        engine_(std::move(listener), [this](io::Fd socket) { return admit(std::move(socket)); },
                {.max_connections = admission_->options().max_connections}) {}

  // With one client only: until that has left. Who is refused or asks for nothing does not count.
  void run() override {
    engine_.run();
    if (is_for_one_ && taken_.load()) over_.wait(false);
  }
  void close() noexcept override {
    engine_.close();
    end();
  }
  bool stop(Deadline deadline) override {
    close();
    return engine_.stop(deadline);
  }
  std::size_t connections() const override { return engine_.connections(); }

 private:
  std::unique_ptr<server::ThreadedClient> admit(io::Fd socket) {
    auto peer = admission_->admit(std::move(socket));
    const auto patience = admission_->options().first_message_timeout;
    if (!is_for_one_) return std::make_unique<Client>(std::move(peer), patience);
    if (taken_.load()) {
      throw Error(Error::Kind::kFailed, "this server is for one client, which is here");
    }
    const auto is_the_one = std::make_shared<std::atomic<bool>>(false);
    peer->before_first_request([this, is_the_one] {
      if (taken_.exchange(true)) return false;
      is_the_one->store(true);
      engine_.close();
      return true;
    });
    return std::make_unique<Client>(std::move(peer), patience, [this, is_the_one] {
      if (is_the_one->load()) end();
    });
  }

  void end() noexcept {
    over_.store(true);
    over_.notify_all();
  }

  const std::shared_ptr<Admission> admission_;
  const bool is_for_one_;
  std::atomic<bool> taken_{false};  // a client has asked for something
  std::atomic<bool> over_{false};
  server::ThreadedServer engine_;
};

}  // namespace

std::unique_ptr<ServerEngine> make_threaded_engine(io::Fd listener,
                                                   std::shared_ptr<Admission> admission) {
  return std::make_unique<ThreadedEngine>(std::move(listener), std::move(admission));
}

std::unique_ptr<ServerEngine> ServerEngine::make(io::Fd listener,
                                                 std::shared_ptr<Admission> admission) {
  return admission->options().kind == ServerOptions::Kind::kPooled
             ? make_pooled_engine(std::move(listener), std::move(admission))
             : make_threaded_engine(std::move(listener), std::move(admission));
}

}  // namespace sinew::detail
