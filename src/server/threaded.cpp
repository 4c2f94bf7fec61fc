#include "server/threaded.h"

#include <sys/socket.h>

#include <exception>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "io/address.h"

// Design notes.
//   A client that has been accepted is a Visit, from the start of its thread until just before the
//   end of it. No visit begins once closed_ is set, so what stop() sees in visits_ are all.
//   A thread cannot join itself: the one that leaves joins the one that left before it and leaves
//   its own handle in last_left_, for the next one or for stop(). So all threads are joined once
//   the last one is.
//   Lock order: mutex_ and Visit::mutex are never held together. Under Visit::mutex the client is
//   asked to finish, which keeps its thread from destroying it meanwhile, and nothing else.

namespace sinew::server {
namespace {

// Short of memory there is nothing to be said.
template <class MakeText>
void say(LogLevel level, MakeText make_text) noexcept {
  try {
    log(level, make_text);
  } catch (const std::exception&) {
    return;
  }
}

// For a text of this level; empty when nobody wants to read it.
std::string describe(LogLevel level, const io::Fd& socket) noexcept {
  try {
    if (log_wanted(level)) return io::describe_socket(socket.get());
  } catch (const std::exception&) {
    return {};
  }
  return {};
}

}  // namespace

struct ThreadedServer::Visit {
  // Makes `made` known to stop(). False when it is not to be served any more.
  bool enter(ThreadedClient& made) noexcept {
    const std::scoped_lock lock(mutex);
    client = &made;
    return requested == Request::kNone;
  }

  // From now on nobody else touches the client.
  void forget_client() noexcept {
    const std::scoped_lock lock(mutex);
    client = nullptr;
  }

  void ask(Request request) noexcept {
    const std::scoped_lock lock(mutex);
    if (requested >= request) return;
    requested = request;
    if (client == nullptr) return;  // not made yet, or about to be destroyed
    request == Request::kFinish ? client->finish() : client->interrupt();
  }

  std::thread thread;  // guarded by the server's mutex_
  std::mutex mutex;
  ThreadedClient* client = nullptr;    // guarded by mutex
  Request requested = Request::kNone;  // guarded by mutex
};

ThreadedServer::ThreadedServer(io::Fd listener, Factory factory, const Options& options)
    : factory_(std::move(factory)), options_(options), listener_(std::move(listener)) {}

ThreadedServer::~ThreadedServer() { stop(Deadline::after(Duration::zero())); }

// Accepting.

void ThreadedServer::run() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return;
    running_ = true;
  }
  accept_clients();
  const std::scoped_lock lock(mutex_);
  running_ = false;
  // With the lock, which it cannot hold up: once stop() has returned the address is free.
  if (closed_) listener_.reset();
  wake_stoppers_locked();
}

void ThreadedServer::accept_clients() noexcept {
  bool exhausted = false;  // and that has been said
  while (true) {
    auto socket = io::accept(listener_.get(), Deadline::never());
    // The queue of a Unix listener outlives its shutdown: there may be a socket even now.
    if (is_closed()) return;
    if (socket) {
      exhausted = false;
      if (!admit(std::move(*socket))) pause();
    } else if (socket.error() == Errc::kQueueFull) {
      if (!std::exchange(exhausted, true)) {
        log(LogLevel::kWarning, "no client can be accepted: out of descriptors or memory");
      }
      pause();
    } else if (socket.error() != Errc::kInterrupted) {
      log(LogLevel::kError, "no client is accepted any more: the listener is broken");
      return;
    }
  }
}

// False when the system has no thread to give.
bool ThreadedServer::admit(io::Fd socket) noexcept {
  std::string_view reason = "max_connections are here";
  bool exhausted = false;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return true;
    if (visits_.size() < options_.max_connections) {
      try {
        start_locked(socket);
        static_cast<void>(socket.release());  // the thread has it
        return true;
      } catch (const std::exception&) {
        reason = "the system gives no further thread";
        exhausted = true;
      }
    }
  }
  note_refusal(describe(LogLevel::kWarning, socket), reason);
  return !exhausted;
}

// With the lock: the thread takes it before it leaves, and finds its handle in place. Starting a
// thread waits for nobody.
void ThreadedServer::start_locked(const io::Fd& socket) {
  visits_.push_back(std::make_shared<Visit>());
  const auto here = std::prev(visits_.end());
  try {
    (*here)->thread = std::thread(&ThreadedServer::live, this, here, socket.get());
  } catch (...) {
    visits_.erase(here);
    throw;
  }
}

// A signal ends it early, which does no harm.
void ThreadedServer::pause() noexcept {
  static_cast<void>(pause_.park(Deadline::after(options_.pause_when_exhausted)));
}

bool ThreadedServer::is_closed() const noexcept {
  const std::scoped_lock lock(mutex_);
  return closed_;
}

// On a client's thread.

void ThreadedServer::live(Visits::iterator here, int socket) noexcept {
  Visit& visit = **here;
  if (const auto client = make_client(io::Fd(socket))) {
    if (visit.enter(*client)) client->serve();
    visit.forget_client();
  }
  leave(here);
}

std::unique_ptr<ThreadedClient> ThreadedServer::make_client(io::Fd socket) noexcept {
  const std::string who = describe(LogLevel::kWarning, socket);
  try {
    auto client = factory_(std::move(socket));
    if (client == nullptr) note_refusal(who, "the factory does not want it");
    return client;
  } catch (const std::exception& error) {
    note_refusal(who, error.what());
  } catch (...) {
    note_refusal(who, "the factory threw what is no std::exception");
  }
  return nullptr;
}

void ThreadedServer::note_refusal(std::string_view who, std::string_view reason) noexcept {
  say(LogLevel::kWarning, [&] { return fmt::format("client refused: {}: {}", who, reason); });
  const std::scoped_lock lock(mutex_);
  ++refused_;
}

void ThreadedServer::leave(Visits::iterator here) noexcept {
  std::thread left_before;
  Visits done;  // destroyed without the lock
  {
    const std::scoped_lock lock(mutex_);
    left_before = std::exchange(last_left_, std::move((*here)->thread));
    done.splice(done.begin(), visits_, here);
    wake_stoppers_locked();
  }
  pause_.wake();
  if (left_before.joinable()) left_before.join();
}

// Stopping.

void ThreadedServer::close() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    if (running_) {
      // Wakes accept, for good. The number stays ours until run() has seen it.
      ::shutdown(listener_.get(), SHUT_RDWR);
    } else {
      listener_.reset();
    }
  }
  pause_.wake();
}

bool ThreadedServer::stop(Deadline deadline) {
  close();
  ask_all(Request::kFinish);
  const bool in_time = wait_until_quiet(deadline);
  if (!in_time) ask_all(Request::kInterrupt);
  wait_until_quiet(Deadline::never());
  std::thread last;
  {
    const std::scoped_lock lock(mutex_);
    last = std::move(last_left_);
  }
  if (last.joinable()) last.join();
  return in_time;
}

void ThreadedServer::ask_all(Request request) {
  Visits here;
  {
    const std::scoped_lock lock(mutex_);
    here = visits_;
  }
  for (const auto& visit : here) visit->ask(request);
}

// Until no client is here and run() has returned. False when clients are here at the deadline.
bool ThreadedServer::wait_until_quiet(Deadline deadline) {
  Parker parker;
  std::unique_lock lock(mutex_);
  stoppers_.push_back(&parker);
  while ((running_ || !visits_.empty()) && !deadline.passed()) {
    lock.unlock();
    static_cast<void>(parker.park(deadline));
    lock.lock();
  }
  std::erase(stoppers_, &parker);
  return visits_.empty();
}

void ThreadedServer::wake_stoppers_locked() noexcept {
  if (running_ || !visits_.empty()) return;
  for (Parker* const stopper : stoppers_) stopper->wake();
}

std::size_t ThreadedServer::connections() const {
  const std::scoped_lock lock(mutex_);
  return visits_.size();
}

std::uint64_t ThreadedServer::refused() const {
  const std::scoped_lock lock(mutex_);
  return refused_;
}

}  // namespace sinew::server
