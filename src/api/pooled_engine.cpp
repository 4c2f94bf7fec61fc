// Few threads for many clients.

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <list>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "api/server_engine.h"
#include "base/error.h"
#include "base/log.h"
#include "base/parker.h"
#include "base/signals.h"
#include "io/address.h"
#include "server/pooled.h"

namespace sinew::detail {
namespace {

class PooledClient;

// The clients that a pool has, so that they can be sent away. A client may take its time to say who
// it is, and keeps a thread meanwhile; `places` many may do so at once, which is fewer than there
// are threads: strangers do not silence the pool for those it knows.
struct Guests {
  explicit Guests(std::size_t places) : free_places(places) {}

  std::mutex mutex;
  std::size_t free_places;            // guarded by mutex
  std::deque<PooledClient*> waiting;  // guarded by mutex: for a place, in this order
  std::set<PooledClient*> here;       // guarded by mutex
  bool finishing = false;             // guarded by mutex: nothing more is begun for them
  bool cut_off = false;               // guarded by mutex
};

// One client. Who says nothing costs no thread: it is asked who it is once it has said something.
class PooledClient final : public server::PoolClient {
 public:
  PooledClient(io::Fd socket, Admission& admission, server::Pool& pool, Guests& guests)
      : watched_(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0)),
        socket_(std::move(socket)),
        admission_(admission),
        pool_(pool),
        guests_(guests) {
    const std::scoped_lock lock(guests_.mutex);
    guests_.here.insert(this);
  }
  ~PooledClient() override {
    leave_place();
    const std::scoped_lock lock(guests_.mutex);
    guests_.here.erase(this);
  }

  void joined(std::uint64_t token) noexcept override { token_ = token; }
  int descriptor() const noexcept override { return watched_.get(); }

  bool serve_available() noexcept override {
    if (!set_busy(true)) return false;
    const bool lives = serve();
    static_cast<void>(set_busy(false));
    return lives;
  }

  void gone() noexcept override {
    if (!peer_) return;
    peer_->on_messages_left(nullptr);
    peer_->close();
  }

  bool is_listening() const noexcept override {
    const std::scoped_lock lock(guests_.mutex);
    return place_ != Place::kWaits;
  }

  // With the lock of the guests, these two.
  bool is_busy() const noexcept { return busy_; }
  void interrupt() noexcept {
    if (peer_) {
      peer_->connection().fail(Error(Error::Kind::kDisconnected, "the server was stopped"));
    } else {
      ::shutdown(watched_.get(), SHUT_RDWR);
    }
  }

 private:
  // False if nothing more is to be begun.
  bool set_busy(bool busy) noexcept {
    const std::scoped_lock lock(guests_.mutex);
    if (busy && guests_.finishing) return false;
    busy_ = busy;
    return true;
  }

  // Where it is admitted.
  enum class Place : std::uint8_t { kNone, kWaits, kHas };

  bool serve() noexcept {
    if (!peer_) {
      if (has_said_nothing()) return true;
      const Place before = ask_for_place();
      if (before == Place::kWaits) return false;  // it has broken meanwhile
      if (!is_listening()) return true;           // until it has a place
      const bool admitted = admit();
      leave_place();
      if (!admitted) return false;
    }
    rpc::Connection& connection = peer_->connection();
    const auto status = connection.serve(Deadline::after(Duration::zero()), /*once=*/false,
                                         /*wait_for_turn=*/false);
    connection.trim();
    return status != rpc::WaitStatus::kDead;
  }

  // The first call comes before anything has arrived. At the end of the stream there is something
  // to be read as well.
  bool has_said_nothing() const noexcept {
    std::uint8_t first = 0;
    return ::recv(socket_.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

  // Takes a place, or waits for one. What it had before.
  Place ask_for_place() noexcept {
    const std::scoped_lock lock(guests_.mutex);
    const Place before = place_;
    if (before != Place::kNone) return before;
    waits_until_ = Deadline::after(admission_.options().handshake_timeout);
    if (guests_.free_places > 0) {
      --guests_.free_places;
      place_ = Place::kHas;
      return before;
    }
    try {
      guests_.waiting.push_back(this);
      place_ = Place::kWaits;
      return before;
    } catch (const std::bad_alloc&) {
      return Place::kWaits;  // it is sent away
    }
  }

  // The next one that waits gets the place.
  void leave_place() noexcept {
    std::uint64_t next = 0;
    {
      const std::scoped_lock lock(guests_.mutex);
      const Place had = std::exchange(place_, Place::kNone);
      if (had == Place::kWaits) std::erase(guests_.waiting, this);
      if (had != Place::kHas) return;
      if (guests_.waiting.empty()) {
        ++guests_.free_places;
        return;
      }
      PooledClient& first = *guests_.waiting.front();
      guests_.waiting.pop_front();
      first.place_ = Place::kHas;
      next = first.token_;
    }
    pool_.serve_soon(next);
  }

  bool admit() noexcept try {
    if (waits_until_.passed()) {
      throw Error(Error::Kind::kTimedOut, "others took too long to say who they are");
    }
    auto peer = admission_.admit(std::move(socket_));
    peer->on_messages_left([pool = &pool_, token = token_] { pool->serve_soon(token); });
    const std::scoped_lock lock(guests_.mutex);
    peer_ = std::move(peer);
    if (guests_.cut_off) interrupt();
    return true;
  } catch (const std::exception& error) {
    log(LogLevel::kWarning, [&] { return fmt::format("a client is refused: {}", error.what()); });
    return false;
  }

  // Our own: the connection may close its socket before it leaves the pool, and the number would
  // belong to another client by then.
  const io::Fd watched_;
  io::Fd socket_;  // until it is admitted
  Admission& admission_;
  server::Pool& pool_;
  Guests& guests_;
  std::uint64_t token_ = 0;
  std::shared_ptr<Peer> peer_;  // null until it is admitted; written under the lock of the guests
  bool busy_ = false;           // guarded by the lock of the guests: it is being served
  Place place_ = Place::kNone;  // guarded by the lock of the guests
  Deadline waits_until_ = Deadline::never();  // to be admitted; of the thread that serves it
};

class PooledEngine final : public ServerEngine {
 public:
  PooledEngine(io::Fd listener, std::shared_ptr<Admission> admission)
      : admission_(std::move(admission)),
        guests_(std::max<std::size_t>(admission_->options().max_threads / 2, 1)),
        listener_(std::move(listener)),
        pool_({.max_threads = std::max<std::size_t>(admission_->options().max_threads, 1),
               .max_connections = admission_->options().max_connections},
              [this] { start_thread(); }) {}

  ~PooledEngine() override {
    stop(Deadline::never());
    std::list<std::thread> threads;
    {
      const std::scoped_lock lock(mutex_);
      threads.swap(threads_);
    }
    for (std::thread& thread : threads) thread.join();
    if (last_left_.joinable()) last_left_.join();
  }

  void run() override {
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) return;
      running_.store(true);
    }
    accept_clients();
    const std::scoped_lock lock(mutex_);
    if (closed_) listener_.reset();
    running_.store(false);
    running_.notify_all();
  }

  void close() noexcept override {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(closed_, true)) return;
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (!running_.load()) listener_.reset();
    pause_.wake();
  }

  bool stop(Deadline deadline) override {
    close();
    running_.wait(true);
    {
      const std::scoped_lock lock(guests_.mutex);
      guests_.finishing = true;
      for (PooledClient* const one : guests_.here) {
        if (!one->is_busy()) one->interrupt();
      }
    }
    if (pool_.stop(deadline)) return true;
    {
      const std::scoped_lock lock(guests_.mutex);
      guests_.cut_off = true;
      for (PooledClient* const one : guests_.here) one->interrupt();
    }
    pool_.stop(Deadline::never());
    return false;
  }

  std::size_t connections() const override { return pool_.connections(); }

 private:
  void accept_clients() {
    constexpr Duration kPause = std::chrono::milliseconds(100);
    while (true) {
      auto socket = io::accept(listener_.get(), Deadline::never());
      if (is_closed()) return;
      if (!socket && socket.error() == Errc::kInterrupted) continue;
      if (!socket && socket.error() != Errc::kQueueFull) {
        return log(LogLevel::kError, "no client is accepted any more: the listener is broken");
      }
      const Result<void> added = socket ? add(*std::move(socket)) : fail(socket.error());
      if (added || added.error() != Errc::kQueueFull) continue;
      log(LogLevel::kWarning, "a client is refused: max_connections, or no descriptors or threads");
      if (!socket) static_cast<void>(pause_.park(Deadline::after(kPause)));
    }
  }

  Result<void> add(io::Fd socket) try {
    return pool_.add(
        std::make_shared<PooledClient>(std::move(socket), *admission_, pool_, guests_));
  } catch (const std::bad_alloc&) {
    return fail(Errc::kQueueFull);
  }

  bool is_closed() const {
    const std::scoped_lock lock(mutex_);
    return closed_;
  }

  // The thread that leaves joins the one that left before it, so that one handle at most is kept.
  void start_thread() {
    const WithoutSignals masked;
    const std::scoped_lock lock(mutex_);
    threads_.emplace_front();
    try {
      threads_.front() = std::thread([this, here = threads_.begin()] {
        pool_.run();
        leave(here);
      });
    } catch (...) {
      threads_.pop_front();
      throw;
    }
  }

  void leave(std::list<std::thread>::iterator here) {
    std::thread before;
    {
      const std::scoped_lock lock(mutex_);
      if (threads_.empty()) return;  // the destructor joins all
      before = std::exchange(last_left_, std::move(*here));
      threads_.erase(here);
    }
    if (before.joinable()) before.join();
  }

  const std::shared_ptr<Admission> admission_;
  Parker pause_;  // where run() pauses
  Guests guests_;
  std::atomic<bool> running_{false};  // a thread is inside run()

  mutable std::mutex mutex_;
  io::Fd listener_;                 // guarded by mutex_; run() may read it without
  std::list<std::thread> threads_;  // guarded by mutex_: in run() of the pool, or about to leave
  std::thread last_left_;           // guarded by mutex_
  bool closed_ = false;             // guarded by mutex_

  server::Pool pool_;
};

}  // namespace

std::unique_ptr<ServerEngine> make_pooled_engine(io::Fd listener,
                                                 std::shared_ptr<Admission> admission) {
  return std::make_unique<PooledEngine>(std::move(listener), std::move(admission));
}

}  // namespace sinew::detail
