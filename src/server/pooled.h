#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <tsl/robin_map.h>

#include "base/clock.h"
#include "base/errc.h"
#include "base/parker.h"
#include "io/fd.h"

namespace sinew::server {

/// One connection of a pool, as the pool sees it. Nothing of it is called while the pool holds a
/// lock.
class PoolClient {
 public:
  virtual ~PoolClient() = default;

  /// The client is in a pool from now on, which calls it `token` (Pool::serve_soon()). Before
  /// anything else, under the pool's lock.
  virtual void joined(std::uint64_t token) noexcept { static_cast<void>(token); }

  /// The descriptor to watch: a socket or a pipe, and no other client's. Must stay valid until
  /// gone() has returned, so it has to be one that nobody else closes.
  virtual int descriptor() const noexcept = 0;

  /// Serves everything that has arrived, without waiting for more. False when the connection is
  /// over. Called once right after add(), too, before anything has arrived. Never called by two
  /// threads at a time.
  virtual bool serve_available() noexcept = 0;

  /// Whether what arrives is to be served; asked after each serve_available(). False: not before
  /// Pool::serve_soon(), or before the connection has broken.
  virtual bool is_listening() const noexcept { return true; }

  /// The connection has left the pool: it is over, its descriptor cannot be watched any more, or
  /// the pool was closed. Called once for each add() that succeeded, after serve_available() has
  /// returned for the last time; never for one that failed.
  virtual void gone() noexcept = 0;
};

/// Many connections, few threads: a thread waits on all connections at once, serves the one that
/// has something, and comes back. An idle connection costs a table entry and no thread.
///
/// The threads are the host's, and so is joining them. The pool asks for one through `want_thread`
/// when the last one that waits is about to serve and there are fewer than `max_threads`; so a busy
/// pool has up to the limit, and a new one none. A thread that has had nothing to do for
/// `spare_thread_stays` leaves, but for the last. Requests of one connection are never served by
/// two threads at a time.
///
/// Life: add() and run() from construction on; close() refuses new connections and wakes all
/// threads; stop() waits until every run() has returned and lets go of the connections; the
/// destructor does both, without an end to the waiting.
///
/// threads: any. stop() and the destructor not inside run().
class Pool {
 public:
  struct Options {
    std::size_t max_threads = 20;  ///< at least one
    std::size_t max_connections = 100'000;
    /// How long a thread that is not the only one to wait stays without work. It is not a limit:
    /// longer costs memory, shorter the starting of a thread for each burst.
    Duration spare_thread_stays = std::chrono::seconds(1);
  };

  /// `want_thread` must arrange for one more call of run() and return at once; it may be called by
  /// any thread inside add() and run(). If it throws, no call of run() may follow: the pool goes on
  /// with the threads it has, logs it, and asks again when it next wants one. Throws Error when the
  /// system gives no descriptors.
  Pool(const Options& options, std::function<void()> want_thread);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Takes a connection in. Fails with kQueueFull beyond max_connections, or when there is no
  /// thread and `want_thread` throws; with kEndOfStream once the pool is closed; with
  /// kConnectionReset when the descriptor cannot be watched (bad, not a socket, in the pool
  /// already). A connection that is not taken in has not been used.
  Result<void> add(std::shared_ptr<PoolClient> client);

  /// Serves connections until the pool is closed or the thread is not needed. Once for each call
  /// of `want_thread`, even after close(), and never else: threads are counted when asked for.
  void run();

  /// Has the client served soon although nothing may arrive: some other thread has read what there
  /// was. Nothing happens when it has left.
  void serve_soon(std::uint64_t token) noexcept;

  void close() noexcept;

  /// close(); waits until all threads have left, at most until `deadline`, then lets go of the
  /// connections. False when threads are still serving; their connections leave with them.
  bool stop(Deadline deadline);

  /// The host knows that no thread is inside run() or on its way there, whatever it was asked for:
  /// what interrupts a host while it starts a thread leaves it unsure. Nobody is waited for then.
  void count_out_all() noexcept;

  /// Connections that are in the pool, and threads inside run() or asked for.
  std::size_t connections() const;
  std::size_t threads() const;

 private:
  using Token = std::uint64_t;
  using Clients = tsl::robin_map<Token, std::shared_ptr<PoolClient>>;

  // A connection in the hands of the thread that serves it.
  struct Ready {
    Token token = 0;
    std::shared_ptr<PoolClient> client;  // null: the thread has been counted out and leaves
    bool ask = false;                    // for another thread
  };

  bool watch(int operation, Token token, int descriptor, std::uint32_t events) noexcept;
  bool ask_for_thread_locked() noexcept;
  bool get_thread() noexcept;
  void count_out_locked() noexcept;
  int patience_ms() const noexcept;
  Ready next_ready() noexcept;
  void put_back(Ready ready, bool lives) noexcept;
  bool wait_until_empty(Deadline deadline);

  const Options options_;
  const std::function<void()> want_thread_;
  io::Fd epoll_;
  io::Fd wake_;  // an eventfd that stays readable once the pool is closed

  mutable std::mutex mutex_;
  std::vector<Parker*> stoppers_;  // guarded by mutex_: the threads that wait in stop()
  Clients clients_;                // guarded by mutex_: null is one that is being served
  std::vector<Token> again_;       // guarded by mutex_: to be served again when they come back
  Token next_token_ = 1;           // guarded by mutex_
  std::size_t threads_ = 0;        // guarded by mutex_: inside run(), or asked for
  std::size_t waiting_ = 0;        // guarded by mutex_: those of them that wait
  bool closed_ = false;            // guarded by mutex_
};

}  // namespace sinew::server
