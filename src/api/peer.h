#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <tsl/robin_map.h>

#include "api/serving.h"
#include "dialect/rpyc/kept_exports.h"
#include "dialect/rpyc/release_writer.h"
#include "dialect/rpyc/rpyc_session.h"
#include "object/export_table.h"
#include "object/release_queue.h"
#include "rpc/connection.h"
#include "sinew/connection.hpp"
#include "sinew/detail/servant.hpp"

namespace sinew::detail {

class Peer;

/// What an Opaque of ours holds, by its id.
inline constexpr std::uint64_t kImport = 1;   ///< std::shared_ptr<Import>
inline constexpr std::uint64_t kServant = 2;  ///< std::shared_ptr<Servant>

/// A proxy: an object of the peer's that we hold. All Objects of it share one.
///
/// threads: a value that does not change, but for `received`, which is guarded by the peer's lock.
struct Import {
  Import(std::shared_ptr<Peer> of, const object::ObjectIdView& of_id);
  ~Import();
  Import(const Import&) = delete;
  Import& operator=(const Import&) = delete;

  const std::shared_ptr<Peer> peer;
  const object::ObjectId id;
  std::uint64_t received = 1;  ///< how often the peer has sent it, to be given back in the end
};

/// The import that a value stands for, or null.
inline Import* import_of(const Value& value) noexcept {
  if (value.kind() != ValueKind::kOther || value.opaque().id != kImport) return nullptr;
  return static_cast<Import*>(value.opaque().object.get());
}

/// One connection as the C++ API sees it: the engine's connection, the tables of exports and
/// imports, and the dispatcher that serves requests. The counterpart of Python's Peer; what the two
/// share is below them.
///
/// threads: any. The tables have a lock, taken alone or before the connection's; nothing of the
/// program runs under it.
class Peer final : public rpc::Dispatcher, public std::enable_shared_from_this<Peer> {
 public:
  using Root = std::function<Object(const Connection& peer)>;

  /// A server's, if it has a `root` to offer; else a client's.
  static std::shared_ptr<Peer> make(std::unique_ptr<io::Stream> stream, const Options& options,
                                    Root root = {});
  Peer(std::unique_ptr<io::Stream> stream, std::unique_ptr<dialect::rpyc::RpycSession> session,
       const Options& options, Root root);
  ~Peer() override;

  rpc::Connection& connection() noexcept { return connection_; }
  const dialect::rpyc::RpycSession& session() const noexcept { return session_; }
  const Options& options() const noexcept { return options_; }
  const wire::BrineLimits& brine_limits() const noexcept { return brine_limits_; }

  /// The family to speak, which is about to be spoken.
  wire::Family family() noexcept;

  /// Writes the offer of our extensions behind the first request of ours.
  void offer_extensions(Writer& out);

  /// Sends what waits to be given back, in front of the next message.
  void send_releases() noexcept;

  /// Says farewell, if that can still be said, and ends the connection.
  void close() noexcept;

  /// When a call that begins now has to be over.
  Deadline call_deadline() const noexcept;

  /// Tells the peer, if it can be told, that nobody waits for the answer to our question any more.
  void send_cancel(std::int64_t seq) noexcept;

  /// What we offer the peer: made when it first asks.
  Value root();

  /// Counts ids of the peer's that name nothing; too many end the connection.
  void count_bad_id() noexcept;

  void closed_by_peer() noexcept;

  /// Throws why the connection is dead.
  [[noreturn]] void throw_dead() const;

  // Imports (tables.cpp).

  /// The import of an object that has come in, made if there is none; counts one reception. Throws
  /// std::bad_alloc.
  std::shared_ptr<Import> import_object(const object::ObjectIdView& id);
  void forget_import(const Import& import) noexcept;

  /// Gives back what a box hands over, because nobody will look at it.
  void give_back_box(Reader box) noexcept;
  dialect::rpyc::ReleaseWriter release_writer();
  /// What is left of a box whose reading has stopped.
  void give_back_rest(Reader box, const Reader& stopped_at) noexcept;

  // Exports (tables.cpp).

  /// Counts one sending of the object, writes its id, and adds that to `sent`. Throws
  /// std::bad_alloc.
  Result<void> write_export_id(const std::shared_ptr<Servant>& servant, Writer& out,
                               std::vector<object::IdKey>& sent);
  /// Null: it is not held.
  std::shared_ptr<Servant> exported_object(const object::ObjectIdView& id);
  Result<void> release_export(const object::ObjectIdView& id, std::uint64_t count) noexcept;

  /// The owner of a call of ours has looked at its answer, or never will.
  void answer_taken(rpc::Call& call) noexcept;

  std::size_t export_count() const noexcept;

  // rpc::Dispatcher (serving.cpp).
  void dispatch(rpc::WorkQueue& queue) noexcept override;
  void cancel(std::int64_t seq) noexcept override { servings_.cancel(seq); }
  void abandoned() noexcept override { servings_.stop_all(); }
  void ended() noexcept override;
  void before_idle_flush() noexcept override { send_releases(); }
  void messages_left() noexcept override;

  /// What to call when messages have been read and nobody serves them; null: nothing. Nothing of
  /// the old one runs any more on return.
  void on_messages_left(std::function<void()> function);

  // A cancellation does not interrupt a wait: while something is served that may be cancelled, its
  // thread looks now and then. Programs handle their signals elsewhere.
  bool handles_signals() const noexcept override;
  bool interrupted() noexcept override;

  /// Asked once, before the first request is served; false ends the connection instead. Set before
  /// anything is served.
  void before_first_request(std::function<bool()> question) { may_begin_ = std::move(question); }

  /// What is being served for the peer.
  Servings& servings() noexcept { return servings_; }

 private:
  struct Release {
    object::ObjectId id;
    std::uint64_t count;
  };

  void let_go() noexcept;
  void announce_the_end() noexcept;
  bool may_begin() noexcept;

  const Options options_;
  const Root make_root_;
  const wire::BrineLimits brine_limits_;
  dialect::rpyc::RpycSession& session_;  // owned by connection_
  std::atomic<bool> offered_{false};

  std::atomic<bool> closing_{false};
  std::atomic<std::size_t> bad_ids_{0};
  Servings servings_;
  std::function<bool()> may_begin_;  // empty: always
  std::once_flag begun_;
  std::atomic<bool> refused_{false};
  std::mutex messages_left_mutex_;
  std::function<void()> on_messages_left_;  // guarded by messages_left_mutex_
  std::mutex root_mutex_;
  std::optional<Value> root_;  // guarded by root_mutex_
  mutable std::mutex mutex_;
  object::ExportTable<std::shared_ptr<Servant>, Servant*> exports_;  // guarded by mutex_
  tsl::robin_map<object::IdKey, std::weak_ptr<Import>, object::IdKeyHash>
      imports_;                      // guarded by mutex_
  dialect::rpyc::KeptExports kept_;  // guarded by mutex_

  object::ReleaseQueue<Release> releases_;
  rpc::Connection connection_;
};

}  // namespace sinew::detail
