#pragma once

#include <atomic>
#include <climits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "server/pooled.h"
#include "server/test_script.h"

/// For the tests of pooled.h.
namespace sinew::server::testing {

class ScriptedPoolClient final : public PoolClient {
 public:
  ScriptedPoolClient(io::Fd socket, Script& script) : socket_(std::move(socket)), script_(script) {
    script_.alive.fetch_add(1);
  }
  ~ScriptedPoolClient() override { script_.alive.fetch_sub(1); }

  void joined(std::uint64_t token) noexcept override { script_.last_token.store(token); }
  int descriptor() const noexcept override { return socket_.get(); }

  bool serve_available() noexcept override {
    if (inside_.exchange(true)) script_.overlapped.fetch_add(1);
    script_.served.fetch_add(1);
    script_.note_thread();
    char request = 0;
    ssize_t count = 0;
    bool lives = true;
    while (lives && (count = ::recv(socket_.get(), &request, 1, MSG_DONTWAIT)) == 1) {
      lives = serve(request);
    }
    inside_.store(false);
    return lives && count != 0;
  }

  void gone() noexcept override {
    if (inside_.load()) script_.overlapped.fetch_add(1);
    script_.gone.fetch_add(1);
  }

 private:
  bool serve(char request) noexcept {
    if (request == 'q') return false;
    if (request == 'x') {
      socket_.reset();
      return true;
    }
    if (request == 'w') {
      script_.waiting.fetch_add(1);
      script_.gate.wait();
    }
    ::send(socket_.get(), &request, 1, MSG_NOSIGNAL);
    return true;
  }

  io::Fd socket_;
  Script& script_;
  std::atomic<bool> inside_{false};
};

/// A pool with its threads.
class PoolHost {
 public:
  explicit PoolHost(const Pool::Options& options) {
    pool = std::make_unique<Pool>(options, [this] { start_thread(); });
    raw_ = pool.get();
  }
  PoolHost(const PoolHost&) = delete;
  PoolHost& operator=(const PoolHost&) = delete;
  ~PoolHost() {
    script.gate.open();
    if (pool != nullptr) pool->stop(Deadline::never());
    for (std::thread& thread : threads_) thread.join();
  }

  /// Options with which a thread that is there stays there.
  static Pool::Options steady(std::size_t max_threads) {
    Pool::Options options;
    options.max_threads = max_threads;
    options.spare_thread_stays = std::chrono::hours(1);
    return options;
  }

  /// Adds a connection. Its far end; none if the pool did not take it, for which there is `added`.
  io::Fd connect() {
    int ends[2] = {-1, -1};
    static_cast<void>(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    io::Fd far(ends[1]);
    added = add(io::Fd(ends[0]));
    return added ? std::move(far) : io::Fd();
  }
  Result<void> add(io::Fd socket) {
    return pool->add(std::make_shared<ScriptedPoolClient>(std::move(socket), script));
  }

  std::size_t threads_started() {
    const std::scoped_lock lock(mutex_);
    return threads_.size();
  }

  Script script;
  std::unique_ptr<Pool> pool;
  Result<void> added;                          ///< how the last connect() went
  std::atomic<std::size_t> may_start{10'000};  ///< threads; for one more want_thread throws

 private:
  void start_thread() {
    const std::scoped_lock lock(mutex_);
    if (threads_.size() >= may_start.load()) throw std::runtime_error("no thread left");
    threads_.emplace_back([this] { raw_->run(); });
  }

  Pool* raw_ = nullptr;  // a test may take `pool` away while threads are inside
  std::mutex mutex_;
  std::vector<std::thread> threads_;  // guarded by mutex_
};

}  // namespace sinew::server::testing
