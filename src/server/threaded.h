#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/parker.h"
#include "io/fd.h"

namespace sinew::server {

/// One connection of a threaded server, as the server sees it. Made, served and destroyed on the
/// connection's own thread, which is the server's.
class ThreadedClient {
 public:
  virtual ~ThreadedClient() = default;

  /// Serves until the connection is over, or one of the two below was called (before it, too).
  /// Once.
  virtual void serve() noexcept = 0;

  /// Asks serve() to return once what is being served has been answered; at once if nothing is. For
  /// a socket, shutdown(SHUT_RD) does that: what has arrived is still served, then the stream ends.
  /// Must not wait, not even for a lock that serve() holds while it waits. At most once.
  /// threads: any, while serve() runs or just before or after it; never beside the destructor.
  virtual void finish() noexcept = 0;

  /// Asks serve() to return now, whatever it is doing. After finish(), the same rules. The server
  /// waits for it without an end.
  virtual void interrupt() noexcept = 0;
};

/// Many connections, a thread for each: a slow request holds up its own client only. What a request
/// may do is not limited, so this is the server for requests that wait or compute.
///
/// Life: run() accepts, on the caller's thread, until close(). stop() lets the clients finish,
/// interrupts those that do not, and returns when no thread is inside any more. The thread of a
/// client that has left is joined when the next one leaves, so a server that runs for months keeps
/// one handle at most.
///
/// A client's thread inherits the signal mask of the one in run(): a host that wants its signals
/// elsewhere blocks them there first. In a child after fork() a server must be left alone: its
/// threads are not there.
///
/// threads: any; run() on one.
class ThreadedServer {
 public:
  struct Options {
    /// A client beyond it is refused: its connection is closed at once, which is logged.
    std::size_t max_connections = 10'000;
    /// How long run() waits before it accepts again when the system has run out of descriptors,
    /// memory or threads. What is missing comes back when some client leaves; if it is one of ours,
    /// run() need not wait any longer.
    Duration pause_when_exhausted = std::chrono::milliseconds(100);
  };

  /// Makes an accepted socket, in blocking mode, into a client. Called on the client's own thread,
  /// so that a slow handshake holds up nobody else, and so by several threads at a time. Null, or
  /// an exception, which is logged: the client is refused. stop() cannot interrupt it and waits for
  /// it: a handshake needs a deadline of its own.
  using Factory = std::function<std::unique_ptr<ThreadedClient>(io::Fd socket)>;

  /// `listener` is a listening socket (io::listen()).
  ThreadedServer(io::Fd listener, Factory factory, const Options& options);
  /// stop() without a time to finish in. As there, not on a client's thread.
  ~ThreadedServer();
  ThreadedServer(const ThreadedServer&) = delete;
  ThreadedServer& operator=(const ThreadedServer&) = delete;

  /// Accepts and starts clients until close(), at which it returns; at once if that was called
  /// already. A signal does not end it. Returns early, and logs it, only when the listener turns
  /// out to be none.
  void run() noexcept;

  /// Accepts nobody any more and makes run() return; clients that are here go on. As run() returns,
  /// or at once without it, those who have not been accepted are disconnected and the address is
  /// free; the path of a Unix socket stays. From any thread, any number of times; not from a signal
  /// handler.
  void close() noexcept;

  /// close(); asks every client to finish; at `deadline` interrupts those still here; then waits
  /// for their threads, and for run(). True if all had left by the deadline. Any number of times,
  /// several at once; not on a client's thread, which would wait for itself.
  bool stop(Deadline deadline);

  /// Clients that are here, from being accepted until they are destroyed, and clients ever refused.
  std::size_t connections() const;
  std::uint64_t refused() const;

 private:
  enum class Request : std::uint8_t { kNone, kFinish, kInterrupt };
  struct Visit;
  using Visits = std::list<std::shared_ptr<Visit>>;

  void accept_clients() noexcept;
  bool admit(io::Fd socket) noexcept;
  void start_locked(const io::Fd& socket);
  void pause() noexcept;
  bool is_closed() const noexcept;

  void live(Visits::iterator here, int socket) noexcept;
  std::unique_ptr<ThreadedClient> make_client(io::Fd socket) noexcept;
  void leave(Visits::iterator here) noexcept;
  void note_refusal(std::string_view who, std::string_view reason) noexcept;

  void ask_all(Request request);
  bool wait_until_quiet(Deadline deadline);
  void wake_stoppers_locked() noexcept;

  const Factory factory_;
  const Options options_;
  Parker pause_;  // where run() pauses

  mutable std::mutex mutex_;
  io::Fd listener_;                // guarded by mutex_; run() may read it without, see close()
  Visits visits_;                  // guarded by mutex_
  std::thread last_left_;          // guarded by mutex_: of the client that left last
  std::vector<Parker*> stoppers_;  // guarded by mutex_: the threads that wait in stop()
  std::uint64_t refused_ = 0;      // guarded by mutex_
  bool running_ = false;           // guarded by mutex_: a thread is inside run()
  bool closed_ = false;            // guarded by mutex_
};

}  // namespace sinew::server
