#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include <tsl/robin_map.h>

#include "base/clock.h"
#include "base/errc.h"
#include "base/parker.h"
#include "io/fd.h"

namespace sinew::server {

/// One connection of a pool, as the pool sees it.
class PoolClient {
 public:
  virtual ~PoolClient() = default;

  /// The descriptor to watch. Must stay valid until gone() has returned.
  virtual int descriptor() const noexcept = 0;

  /// Serves everything that has arrived, without waiting for more. False when the connection is
  /// over. Called once right after add(), too, before anything has arrived. Never called by two
  /// threads at a time.
  virtual bool serve_available() noexcept = 0;

  /// The connection has left the pool: it is over, or the pool was closed.
  virtual void gone() noexcept = 0;
};

/// Many connections, few threads: a thread waits on all connections at once, serves the one that
/// has something, and comes back. An idle connection costs a table entry and no thread.
///
/// The threads are the host's: each calls run(). The pool asks for another one, through
/// `want_thread`, when the last one that waits is about to serve and there are fewer than
/// `max_threads`; so a busy pool has up to the limit. A thread that has nothing to do for a second
/// leaves, but for the last. Requests of one connection are never served by two threads at a time.
///
/// Life: add() and run() from construction on; close() refuses new connections and wakes all
/// threads; stop() waits until every run() has returned and lets go of the connections.
///
/// threads: any.
class Pool {
 public:
  struct Options {
    std::size_t max_threads = 20;
    std::size_t max_connections = 100'000;
  };

  /// `want_thread` must arrange for another call of run() and return at once; it may be called by
  /// any thread inside add() and run(). Throws Error when the system gives no descriptors.
  Pool(const Options& options, std::function<void()> want_thread);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Takes a connection in. Fails with kQueueFull beyond max_connections, kEndOfStream once the
  /// pool is closed.
  Result<void> add(std::shared_ptr<PoolClient> client);

  /// Serves connections until the pool is closed.
  void run();

  void close() noexcept;

  /// Waits until all threads have left, at most until `deadline`, then lets go of the connections.
  /// False when threads are still serving; their connections leave with them.
  bool stop(Deadline deadline);

  std::size_t connections() const;
  std::size_t threads() const;

 private:
  using Token = std::uint64_t;

  bool ask_for_thread_locked() noexcept;
  void rearm(Token token, int descriptor) noexcept;
  void remove(Token token) noexcept;
  bool watch(int operation, Token token, int descriptor, std::uint32_t events) noexcept;

  struct Ready {
    Token token = 0;
    std::shared_ptr<PoolClient> client;
  };
  Ready next_ready();
  bool is_spare() const noexcept;
  bool wait_until_empty(Deadline deadline);

  const Options options_;
  const std::function<void()> want_thread_;
  io::Fd epoll_;
  io::Fd wake_;  // an eventfd that stays readable once the pool is closed

  mutable std::mutex mutex_;
  Parker* stopper_ = nullptr;  // guarded by mutex_: the thread that waits in stop()
  tsl::robin_map<Token, std::shared_ptr<PoolClient>> clients_;  // guarded by mutex_
  Token next_token_ = 1;                                        // guarded by mutex_
  std::size_t threads_ = 0;  // guarded by mutex_: inside run(), or asked for
  std::size_t waiting_ = 0;  // guarded by mutex_: those of them that wait
  bool closed_ = false;      // guarded by mutex_
};

}  // namespace sinew::server
