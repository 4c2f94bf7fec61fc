#include "server/pooled.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"

// Design notes.
//   A connection is watched with EPOLLONESHOT: once reported it is not watched until the thread
//   that serves it arms it again, so no two threads serve it. Tokens are never used again: an event
//   for a connection that has left finds nothing.
//   threads_ counts a thread from the moment it is asked for, so that a burst does not ask for
//   more than there may be.

namespace sinew::server {
namespace {

constexpr std::uint64_t kWakeToken = 0;
constexpr int kSpareStaysMs = 1000;
constexpr std::uint32_t kReadable = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;

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

Pool::~Pool() {
  close();
  stop(Deadline::never());
}

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
    clients_.emplace(token, std::move(client));
    ask = ask_for_thread_locked();
  }
  if (ask) want_thread_();
  // Writable at once: that is how it is served for the first time.
  if (watch(EPOLL_CTL_ADD, token, descriptor, kReadable | EPOLLOUT)) return {};
  const std::scoped_lock lock(mutex_);
  clients_.erase(token);
  return fail(Errc::kConnectionReset);
}

// True when the caller must call want_thread_(), after it has let go of the lock.
bool Pool::ask_for_thread_locked() noexcept {
  if (closed_ || waiting_ > 0 || threads_ >= options_.max_threads) return false;
  ++threads_;
  ++waiting_;  // it will be in a moment
  return true;
}

// Another thread waits, too.
bool Pool::is_spare() const noexcept {
  const std::scoped_lock lock(mutex_);
  return waiting_ > 1;
}

// Nothing: the thread is to leave.
Pool::Ready Pool::next_ready() {
  while (true) {
    epoll_event event{};
    const int count = ::epoll_wait(epoll_.get(), &event, 1, is_spare() ? kSpareStaysMs : -1);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0 && !is_spare()) continue;
    const Token token = event.data.u64;  // a copy: the struct is packed
    if (count <= 0 || token == kWakeToken) return {};
    const std::scoped_lock lock(mutex_);
    if (closed_) return {};
    const auto found = clients_.find(token);
    if (found != clients_.end()) return {.token = token, .client = found->second};
  }
}

void Pool::run() {
  while (true) {
    const Ready ready = next_ready();
    bool ask = false;
    {
      const std::scoped_lock lock(mutex_);
      --waiting_;
      if (ready.client == nullptr) {
        --threads_;
        if (stopper_ != nullptr) stopper_->wake();
        return;
      }
      ask = ask_for_thread_locked();
    }
    if (ask) want_thread_();
    if (ready.client->serve_available()) {
      rearm(ready.token, ready.client->descriptor());
    } else {
      remove(ready.token);
      ready.client->gone();
    }
    const std::scoped_lock lock(mutex_);
    ++waiting_;
  }
}

// Under the lock, which the thread that finds the connection next takes, too: what this one has
// done to it is seen there.
void Pool::rearm(Token token, int descriptor) noexcept {
  bool armed = false;
  {
    const std::scoped_lock lock(mutex_);
    armed = watch(EPOLL_CTL_MOD, token, descriptor, kReadable);
  }
  if (!armed) remove(token);
}

void Pool::remove(Token token) noexcept {
  std::shared_ptr<PoolClient> client;  // let go of without the lock
  const std::scoped_lock lock(mutex_);
  const auto found = clients_.find(token);
  if (found == clients_.end()) return;
  client = std::move(found.value());
  clients_.erase(found);
  watch(EPOLL_CTL_DEL, token, client->descriptor(), 0);
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

// Waits until no thread is inside run(). False when the deadline passes first.
bool Pool::wait_until_empty(Deadline deadline) {
  Parker parker;
  while (true) {
    {
      const std::scoped_lock lock(mutex_);
      const bool over = threads_ == 0 || deadline.passed();
      stopper_ = over ? nullptr : &parker;
      if (over) return threads_ == 0;
    }
    static_cast<void>(parker.park(deadline));
  }
}

bool Pool::stop(Deadline deadline) {
  const bool all_left = wait_until_empty(deadline);
  std::vector<std::shared_ptr<PoolClient>> clients;
  {
    const std::scoped_lock lock(mutex_);
    for (auto entry = clients_.begin(); entry != clients_.end(); ++entry) {
      clients.push_back(std::move(entry.value()));
    }
    clients_.clear();
  }
  for (const auto& client : clients) client->gone();
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
