#include "server/pooled.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <exception>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"

// Design notes.
//   A connection is watched with EPOLLONESHOT: once reported it is not watched until the thread
//   that serves it arms it again, so no two threads serve it. Tokens are never used again: an event
//   for a connection that has left finds nothing.
//   While a connection is served its thread holds it and the table has null for it, so that stop()
//   leaves it alone. Whoever takes a connection out of the table for good calls gone(): once.
//   threads_ and waiting_ count a thread from the moment it is asked for, so that a burst does not
//   ask for more than there may be; if it cannot be had, both are taken back. A thread decides to
//   leave and is counted out under one lock: of two that find themselves spare, one stays.

namespace sinew::server {
namespace {

constexpr std::uint64_t kWakeToken = 0;
constexpr std::uint32_t kReadable = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
constexpr std::uint32_t kBroken = EPOLLONESHOT;  // errors are reported unasked

[[noreturn]] void throw_system(const char* call) {
  throw Error(Error::Kind::kFailed,
              std::string(call) + ": " + std::generic_category().message(errno));
}

}  // namespace

Pool::Pool(const Options& options, std::function<void()> want_thread)
    : options_(options),
      want_thread_(std::move(want_thread)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_) throw_system("epoll_create1");
  if (!wake_) throw_system("eventfd");
  // Level-triggered and never read: once written it wakes every thread for good.
  if (!watch(EPOLL_CTL_ADD, kWakeToken, wake_.get(), EPOLLIN)) throw_system("epoll_ctl");
}

Pool::~Pool() { stop(Deadline::never()); }

bool Pool::watch(int operation, Token token, int descriptor, std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  return ::epoll_ctl(epoll_.get(), operation, descriptor, &event) == 0;
}

Result<void> Pool::add(std::shared_ptr<PoolClient> client) {
  const int descriptor = client->descriptor();
  Token token = 0;
  bool ask = false;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return fail(Errc::kEndOfStream);
    if (clients_.size() >= options_.max_connections) return fail(Errc::kQueueFull);
    token = next_token_++;
    const auto entry = clients_.emplace(token, std::move(client)).first;
    entry->second->joined(token);
    // Writable at once: that is how it is served for the first time.
    if (!watch(EPOLL_CTL_ADD, token, descriptor, kReadable | EPOLLOUT)) {
      client = std::move(entry.value());  // let go of without the lock
      clients_.erase(entry);
      return fail(Errc::kConnectionReset);
    }
    ask = ask_for_thread_locked();
  }
  if (!ask || get_thread()) return {};
  const std::scoped_lock lock(mutex_);
  const auto found = clients_.find(token);
  // Another thread may have come and taken it, or stop() has let go of it.
  if (found == clients_.end() || found->second == nullptr) return {};
  watch(EPOLL_CTL_DEL, token, descriptor, 0);
  client = std::move(found.value());
  clients_.erase(found);
  return fail(Errc::kQueueFull);
}

// True when the caller must call get_thread(), after it has let go of the lock.
bool Pool::ask_for_thread_locked() noexcept {
  if (closed_ || waiting_ > 0 || threads_ >= options_.max_threads) return false;
  ++threads_;
  ++waiting_;  // it will be in a moment
  return true;
}

// False when it cannot be had and there is no other.
bool Pool::get_thread() noexcept {
  try {
    want_thread_();
    return true;
  } catch (const std::exception& error) {
    log(LogLevel::kWarning,
        [&] { return fmt::format("no thread for the pool: {}", error.what()); });
  } catch (...) {
    log(LogLevel::kWarning, "no thread for the pool");
  }
  const std::scoped_lock lock(mutex_);
  count_out_locked();
  return threads_ > 0;
}

// Of a thread that waits.
void Pool::count_out_locked() noexcept {
  --waiting_;
  --threads_;
  for (Parker* const stopper : stoppers_) stopper->wake();
}

void Pool::count_out_all() noexcept {
  const std::scoped_lock lock(mutex_);
  threads_ = waiting_ = 0;
  for (Parker* const stopper : stoppers_) stopper->wake();
}

// How long a thread that begins to wait does so before it looks whether it is needed. The only one
// is, so at most one waits without an end.
int Pool::patience_ms() const noexcept {
  using std::chrono::milliseconds;
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_ <= 1) return -1;
  }
  const auto stays = std::chrono::ceil<milliseconds>(options_.spare_thread_stays).count();
  return static_cast<int>(std::clamp<milliseconds::rep>(stays, 0, INT_MAX));
}

Pool::Ready Pool::next_ready() noexcept {
  while (true) {
    epoll_event event{};
    const int count = ::epoll_wait(epoll_.get(), &event, 1, patience_ms());
    const bool broken = count < 0 && errno != EINTR;
    const std::scoped_lock lock(mutex_);
    if (closed_ || broken || (count == 0 && waiting_ > 1)) {
      count_out_locked();
      return {};
    }
    if (count <= 0) continue;
    const Token token = event.data.u64;  // a copy: the struct is packed
    const auto found = clients_.find(token);
    if (found == clients_.end() || found->second == nullptr) continue;
    --waiting_;
    return {.token = token, .client = std::move(found.value()), .ask = ask_for_thread_locked()};
  }
}

void Pool::run() {
  while (true) {
    Ready ready = next_ready();
    if (ready.client == nullptr) return;
    if (ready.ask) static_cast<void>(get_thread());
    const bool lives = ready.client->serve_available();
    put_back(std::move(ready), lives);
  }
}

// The thread that finds the connection next takes the lock, too: what this one has done to it is
// seen there.
void Pool::put_back(Ready ready, bool lives) noexcept {
  const int descriptor = ready.client->descriptor();
  const std::uint32_t events = ready.client->is_listening() ? kReadable : kBroken;
  {
    const std::scoped_lock lock(mutex_);
    const std::uint32_t at_once = std::erase(again_, ready.token) != 0 ? EPOLLOUT : 0u;
    if (lives && !closed_ && watch(EPOLL_CTL_MOD, ready.token, descriptor, events | at_once)) {
      clients_[ready.token] = std::move(ready.client);
      ++waiting_;
      return;
    }
    watch(EPOLL_CTL_DEL, ready.token, descriptor, 0);
    clients_.erase(ready.token);
  }
  ready.client->gone();
  ready.client.reset();
  const std::scoped_lock lock(mutex_);
  ++waiting_;
}

void Pool::serve_soon(Token token) noexcept {
  const std::scoped_lock lock(mutex_);
  const auto found = clients_.find(token);
  if (found == clients_.end()) return;
  if (found->second == nullptr) {
    again_.push_back(token);
  } else {
    watch(EPOLL_CTL_MOD, token, found->second->descriptor(), kReadable | EPOLLOUT);
  }
}

void Pool::close() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  const std::uint64_t one = 1;
  // Cannot fail in a way that matters: a full counter is readable, too.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

// Waits until no thread is inside run() or on its way there. False when the deadline passes first.
bool Pool::wait_until_empty(Deadline deadline) {
  Parker parker;
  std::unique_lock lock(mutex_);
  stoppers_.push_back(&parker);
  while (threads_ > 0 && !deadline.passed()) {
    lock.unlock();
    static_cast<void>(parker.park(deadline));
    lock.lock();
  }
  std::erase(stoppers_, &parker);
  return threads_ == 0;
}

bool Pool::stop(Deadline deadline) {
  close();
  const bool all_left = wait_until_empty(deadline);
  Clients clients;
  {
    const std::scoped_lock lock(mutex_);
    clients.swap(clients_);
    for (const auto& [token, client] : clients) {
      if (client == nullptr) clients_.emplace(token, nullptr);  // leaves with its thread
    }
  }
  for (const auto& [token, client] : clients) {
    if (client != nullptr) client->gone();
  }
  return all_left;
}

std::size_t Pool::connections() const {
  const std::scoped_lock lock(mutex_);
  return clients_.size();
}

std::size_t Pool::threads() const {
  const std::scoped_lock lock(mutex_);
  return threads_;
}

}  // namespace sinew::server
