#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "api/housekeeper.h"
#include "api/model.h"
#include "api/peer.h"
#include "sinew/detail/request.hpp"

namespace sinew::detail {

/// When calls of this thread that begin now have to be over (TimeLimit).
Deadline scope_deadline() noexcept;

/// The message of one request, while it is written. Throws Error when something in it cannot be
/// sent; nothing is exported then.
///
/// threads: one.
class Question {
 public:
  /// About an object of the peer's, or, without one, for its root.
  Question(Peer& peer, const Import* target, const Request& request);
  ~Question() { model_.undo_exports(); }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  std::int64_t seq() const noexcept { return seq_; }
  Deadline deadline() const noexcept { return deadline_; }

  /// Sends it; `call` has to be numbered seq(). `later`: it may be held back for a moment. Throws
  /// Error.
  void send(rpc::Call& call, bool later);

 private:
  void write_head(dialect::rpyc::Handler handler, std::size_t count, const Import* target);
  void write_arguments(const Import* target, const Request& request);
  void add(const Value& value);
  void add_text(std::string_view text);
  void add_items(std::span<const Value> items);
  void add_named(std::span<const NamedArgument> named);
  void check(Result<void> written);

  Peer& peer_;
  Model model_;
  const std::int64_t seq_;
  const Deadline deadline_;
  Writer out_;
  std::size_t frame_start_ = 0;
};

/// The value of a done call. Throws what it has come to.
Value outcome_of(Peer& peer, const rpc::Call& call);

/// Throws the error of a call whose time is over.
[[noreturn]] void throw_too_late(Peer& peer);

/// Asks what is asked of no object, waiting for the answer. Throws as Object's members do.
Value ask_peer(Peer& peer, const Request& request);

/// A call of which somebody holds a future.
class AsyncQuestion final : public Pending, public std::enable_shared_from_this<AsyncQuestion> {
 public:
  /// Sends the request.
  static std::shared_ptr<AsyncQuestion> start(const std::shared_ptr<Peer>& peer,
                                              const Import* target, const Request& request);
  AsyncQuestion(std::shared_ptr<Peer> peer, std::int64_t seq, Deadline deadline);
  ~AsyncQuestion() override;

  bool done() const noexcept override;
  bool wait(std::optional<std::chrono::nanoseconds> time) override;
  Value result() override;
  bool cancel() override;
  void then(std::function<void()> function) override;

  /// The engine has found the call done: runs what waits for that.
  static void announce(rpc::Call& call) noexcept;

 private:
  // The call, and the way back from it.
  struct Numbered final : rpc::Call {
    Numbered(std::int64_t seq, AsyncQuestion* of) noexcept : Call(seq), owner(of) {}
    AsyncQuestion* const owner;
  };

  void run_callbacks() noexcept;
  void expire_in_time();
  void expire() noexcept;

  const std::shared_ptr<Peer> peer_;
  const Deadline deadline_;
  Numbered call_;
  std::atomic<bool> cancelled_{false};

  std::mutex mutex_;
  std::vector<std::function<void()>> callbacks_;    // guarded by mutex_
  std::shared_ptr<AsyncQuestion> until_announced_;  // guarded by mutex_
  std::optional<Housekeeper::Ticket> expiry_;       // guarded by mutex_
  std::optional<Value> value_;                      // guarded by mutex_: decoded once
  std::exception_ptr failure_;                      // guarded by mutex_: what that came to instead
};

}  // namespace sinew::detail
