#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/counters.h"
#include "base/error.h"
#include "base/read_buffer.h"
#include "rpc/session.h"

namespace sinew::rpc {

class Connection;
struct Seat;

/// A question: a request that we sent and whose answer we wait for. Lives wherever its owner likes
/// (on the stack of a synchronous call, in an async result) and is registered with one connection
/// from Connection::start() until it is done or Connection::forget() was called; it must not move
/// or die in between.
///
/// It completes exactly once, because only the one who takes it out of the connection's table may
/// complete it, and the table is under the connection's lock: an answer, the deadline, a
/// cancellation and the end of the connection compete for that.
///
/// threads: done() by any; the outcome by any after done() was seen true.
class Call {
 public:
  enum class Outcome : std::uint8_t {
    kPending,
    kReply,      ///< body() is the result, still encoded
    kException,  ///< body() is the exception, still encoded
    kFailed,     ///< error() says why there will be no answer
    kExpired,    ///< the time set by Connection::set_expiry() passed before the answer came
  };

  explicit Call(std::int64_t seq) noexcept : seq_(seq) {}
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  std::int64_t seq() const noexcept { return seq_; }
  Outcome outcome() const noexcept { return outcome_.load(std::memory_order_acquire); }
  bool done() const noexcept { return outcome() != Outcome::kPending; }
  const Slice& body() const noexcept { return body_; }
  const std::shared_ptr<const Error>& error() const noexcept { return error_; }
  /// The thread that asks, as the peer is told, in a dialect that tells; 0: it is not. Before
  /// Connection::start().
  void asked_by(std::uint64_t thread) noexcept { asker_ = thread; }

 private:
  friend class Connection;
  friend class UnreadAnswers;

  const std::int64_t seq_;
  std::atomic<Outcome> outcome_{Outcome::kPending};
  std::uint64_t asker_ = 0;              // written before the call is in the table
  Deadline expiry_ = Deadline::never();  // guarded by the connection's lock
  bool awaited_ = false;  // guarded by the connection's lock: a thread is about to wait for it
  Seat* expected_by_ =
      nullptr;           // guarded by the connection's lock: a leader with work for that one
  bool notify_ = false;  // guarded by the connection's lock: completion is work for a dispatcher
  Seat* waiters_ =
      nullptr;  // guarded by the connection's lock: the threads that wait for this call
  [[no_unique_address]] LiveCount<Counted::kCall> live_;
  std::atomic<Connection*> unread_in_{nullptr};  // among whose unread answers it is
  Call* next_unread_ = nullptr;                  // guarded by the connection's lock
  Call* previous_unread_ = nullptr;              // guarded by the connection's lock
  Slice body_;
  std::shared_ptr<const Error> error_;
};

}  // namespace sinew::rpc
