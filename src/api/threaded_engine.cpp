// A thread for each client; also the server of one client only.

#include <sys/socket.h>

#include <atomic>
#include <utility>

#include "api/server_engine.h"
#include "base/error.h"
#include "server/threaded.h"

namespace sinew::detail {
namespace {

// One client, on a thread of its own.
class Client final : public server::ThreadedClient {
 public:
  Client(std::shared_ptr<Peer> peer, std::chrono::nanoseconds patience, std::atomic<bool>* left)
      : peer_(std::move(peer)),
        socket_(peer_->connection().stream().descriptor()),
        patience_(patience),
        left_(left) {}
  ~Client() override {
    peer_->close();
    if (left_ == nullptr) return;
    left_->store(true);
    left_->notify_all();
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
  std::atomic<bool>* const left_;  // where to say that it leaves; null: nobody asks
};

class ThreadedEngine final : public ServerEngine {
 public:
  ThreadedEngine(io::Fd listener, std::shared_ptr<Admission> admission)
      : admission_(std::move(admission)),
        is_for_one_(admission_->options().kind == ServerOptions::Kind::kOneShot),
        engine_(std::move(listener), [this](io::Fd socket) { return admit(std::move(socket)); },
                {.max_connections = admission_->options().max_connections}) {}

  // With one client only: until that has left. Who is refused does not count.
  void run() override {
    engine_.run();
    if (is_for_one_ && admitted_.load()) over_.wait(false);
  }
  void close() noexcept override {
    engine_.close();
    over_.store(true);
    over_.notify_all();
  }
  bool stop(Deadline deadline) override {
    close();
    return engine_.stop(deadline);
  }
  std::size_t connections() const override { return engine_.connections(); }

 private:
  std::unique_ptr<server::ThreadedClient> admit(io::Fd socket) {
    auto peer = admission_->admit(std::move(socket));
    if (is_for_one_) {
      if (admitted_.exchange(true)) {
        throw Error(Error::Kind::kFailed, "this server is for one client, which is here");
      }
      engine_.close();
    }
    return std::make_unique<Client>(std::move(peer), admission_->options().first_message_timeout,
                                    is_for_one_ ? &over_ : nullptr);
  }

  const std::shared_ptr<Admission> admission_;
  const bool is_for_one_;
  std::atomic<bool> admitted_{false};
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
