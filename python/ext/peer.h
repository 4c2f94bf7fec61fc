#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <tsl/robin_map.h>
#include <tsl/robin_set.h>

#include "connection_object.h"
#include "dialect/rpyc/boxing.h"
#include "dialect/rpyc/kept_exports.h"
#include "dialect/rpyc/release_writer.h"
#include "dialect/rpyc/rpyc_session.h"
#include "dialect/rpyc/thread_binding.h"
#include "dispatcher_object.h"
#include "netref.h"
#include "object/access.h"
#include "object/export_table.h"
#include "object/release_queue.h"
#include "patience.h"
#include "py_model.h"
#include "remote_class.h"
#include "rpc/connection.h"

namespace sinew::python {

/// The configuration of a connection as C++ needs it: read again from the mapping whenever that
/// changed (Peer::settings()).
struct Settings {
  object::AccessPolicy policy;
  PyRef safe_attrs;      ///< a set of names, or whatever else the user put there
  PyRef prefix;          ///< policy.exposed_prefix as a str
  PyRef prefixed_names;  ///< name -> prefix + name, both interned
  bool has_timeout = true;
  double timeout_seconds = 30;  ///< sync_request_timeout

  /// The end of a synchronous call that starts now.
  Deadline deadline() const noexcept;
};

/// Limits that Python's side enforces; options of the same names in the config.
struct PeerLimits {
  std::size_t max_exports = 10'000'000;
  std::size_t max_remote_classes = 100'000;
  std::size_t max_class_name = 4096;  ///< bytes
  std::size_t max_call_depth = 200;
  std::size_t max_chunk_items = 10'000;
  std::size_t max_unsent_bytes = std::size_t{64} << 20;
  std::size_t max_bad_ids = 1000;
  bool offer_extensions = true;
  wire::BrineLimits brine;
};

/// One connection as Python sees it: the engine's connection, the tables of exports and imports,
/// and the dispatcher that serves requests under the GIL.
///
/// Owned by its ConnectionObject. threads: any with the GIL held, but for what is said otherwise.
class Peer final : public rpc::Dispatcher {
 public:
  Peer(ConnectionObject* owner, std::unique_ptr<io::Stream> stream,
       const dialect::rpyc::SessionOptions& session_options, const PeerLimits& limits,
       const rpc::Limits& rpc_limits);
  ~Peer() override;

  ConnectionObject* owner() const noexcept { return owner_; }
  PyObject* owner_object() const noexcept { return reinterpret_cast<PyObject*>(owner_); }
  State& state() const noexcept { return *owner_->state; }
  rpc::Connection& connection() noexcept { return connection_; }

  /// A dead connection's objects are stale rather than unreachable: another connection to the same
  /// place takes its place (sinew/reconnecting.py).
  void set_replaceable() noexcept { replaceable_ = true; }
  bool is_replaceable() const noexcept { return replaceable_; }

  /// Names the peer when it may be gone: no other in this process has it.
  std::uint64_t serial() const noexcept { return serial_; }

  /// Looks for the answer of a call before its thread gives the GIL up, until `deadline` at most.
  /// True when it is there.
  bool poll_briefly(rpc::Call& call, Deadline deadline) noexcept;
  Patience& patience() noexcept { return patience_; }

  const PeerLimits& limits() const noexcept { return limits_; }
  bool has_heard() const noexcept { return session_.has_heard(); }
  /// Writes the offer of our extensions behind the first request of ours, if we are to offer any.
  void offer_extensions(Writer& out) {
    if (offered_) [[likely]]
      return;
    offered_ = true;
    if (limits_.offer_extensions) session_.write_offer(out, connection_.next_seq());
  }
  const dialect::rpyc::RpycSession& session() const noexcept { return session_; }

  /// Writes the start of a message that this thread sends, up to its body.
  void begin_message(Writer& out, wire::MessageKind kind, std::int64_t seq) {
    if (session_.binds_threads()) [[unlikely]] {
      write_thread_binding(out, dialect::rpyc::binding_for_sending(&session_));
    }
    wire::begin_message(out, family(), kind, seq);
  }

  /// The family to speak. Before speaking first to a peer of unknown family, listens for a moment:
  /// a peer of RPyC 4.1 to 5.3 that speaks at once is then understood.
  wire::Family family() noexcept;

  /// The configuration in force. Null with an exception set when it cannot be read.
  const Settings* settings() noexcept;
  void settings_changed() noexcept { ++settings_changes_; }

  /// Who waits instead of us, in a program whose threads are greenlets (core/cooperation.py): null
  /// in all others. With one nothing here may wait, nor may anything that others reach lie on the
  /// stack while Python code runs: a greenlet that is switched away takes its stack with it.
  PyObject* cooperator() const noexcept { return cooperator_.get(); }
  void set_cooperator(PyObject* cooperator) noexcept { cooperator_ = PyRef::share(cooperator); }

  // Where requests run (job.h). Null: on the thread that reads them.
  DispatcherObject* dispatcher() const noexcept {
    return reinterpret_cast<DispatcherObject*>(dispatcher_.get());
  }
  void set_dispatcher(PyObject* dispatcher) noexcept { dispatcher_ = PyRef::share(dispatcher); }

  /// Counts the jobs of the dispatcher that the end of the connection has to wait for.
  void job_begins() noexcept { ++jobs_; }
  void job_done() noexcept;
  /// Has the dispatcher call `work` once there is none; here if it takes nothing any more.
  void when_settled(PyObject* work) noexcept;

  /// A thread of the dispatcher waits for the answer to a question, and serves what belongs to it.
  void adopt_for(std::int64_t question) noexcept;
  void stop_adopting(std::int64_t question) noexcept;
  /// Whether a request, whose sender does not say what it is part of, is for a thread of the
  /// dispatcher that waits: there is nobody else to run it.
  bool adopts(const rpc::Incoming& request) const noexcept;
  /// What the thread to serve it waits for.
  std::optional<std::int64_t> adopting_question(const rpc::Incoming& request) const noexcept;

  /// A handler that the user put in the place of ours, or null.
  PyObject* override_of(std::int64_t handler) const noexcept;
  void set_override(std::int64_t handler, PyObject* function) noexcept;

  // Imports (imports.cpp).

  /// The netref for an object of the peer, made if there is none; counts one reception. May ask
  /// the peer about a class that was never seen. Empty with an exception set.
  PyRef import_object(const object::ObjectIdView& id) noexcept;

  /// A netref of `type` that the program made itself: the peer did not send the object, so the
  /// netref is not found again by its id, and releases nothing when it dies. But one that the
  /// program's `_netref_factory` makes for an object that is coming in stands for that. Empty with
  /// an exception set.
  PyRef make_unsent_import(PyTypeObject* type, const object::ObjectIdView& id) noexcept;

  /// A netref of the class that we make for the object: what `_netref_factory` returns. Empty with
  /// an exception set.
  PyRef make_default_import(const object::ObjectIdView& id) noexcept;

  /// The living netrefs for objects of the peer, in a list. Empty with an exception set.
  PyRef list_imports() const noexcept;

  /// The classes of the peer that were met: a list of (id, netref class). The instance number in
  /// the id of a class object is 0, of its instances 1. Empty with an exception set.
  PyRef list_classes() const noexcept;

  /// Has a netref of this connection that the program made stand for an object which the peer has
  /// lent once; unless there is another one for it. With the GIL held.
  void adopt_import(Netref* netref) noexcept;

  /// A netref died: its id is no longer known, and is released in front of the next message.
  void forget_import(Netref* netref) noexcept;

  /// Writes the releases that wait into the outbox, in front of what is sent next. gil: either; the
  /// caretaker comes without it, so nothing here may give it up or touch an object.
  void send_releases() noexcept;

  /// What writes releases in the way agreed on with the peer. Once it has been heard.
  dialect::rpyc::ReleaseWriter release_writer();

  // Exports (exports.cpp).

  /// Counts one sending of the object, writes its id, and adds that to `sent`.
  Result<void> write_export_id(PyObject* object, Writer& out,
                               std::vector<object::IdKey>& sent) noexcept;
  /// The object with this id; empty if there is none. A peer that asks for max_bad_ids of those
  /// guesses, and is cut off.
  PyRef exported_object(const object::ObjectIdView& id) noexcept;
  /// The id that the peer holds the object under: (class name, class id, instance id). Empty with
  /// KeyError set when it holds it not.
  PyRef export_id(PyObject* object) const noexcept;
  /// Everything that the peer holds: a list of (id, object, how often it was sent). Null with an
  /// exception set.
  PyRef list_exports() const noexcept;
  Result<void> release_export(const object::ObjectIdView& id, std::uint64_t count) noexcept;
  /// Keeps an object that the peer holds, until it is released for that, too. False: it is not.
  bool retain_export(const object::ObjectIdView& id) noexcept { return exports_.retain(id); }
  /// The owner of a call of ours has looked at its answer, or never will: last thing in its life.
  void answer_taken(rpc::Call& call) noexcept;
  std::size_t export_count() const noexcept { return exports_.size(); }
  std::size_t import_count() const noexcept { return imports_.size(); }

  /// The id that an object would be exported under; the instance number is 1 for "some". Throws
  /// std::bad_alloc.
  static object::ObjectId describe_object(const State& state, PyObject* object);
  static object::ObjectId describe_export(const State& state, PyObject* object);

  /// Lets go of everything the peer held. For the end of the connection.
  void clear_tables() noexcept;

  int traverse(visitproc visit, void* arg) noexcept;

  // rpc::Dispatcher; without the GIL.
  void dispatch(rpc::WorkQueue& queue) noexcept override;
  bool handles_signals() const noexcept override;
  bool interrupted() noexcept override;
  void before_idle_flush() noexcept override { send_releases(); }
  void messages_left() noexcept override;
  bool switches_stacks() const noexcept override { return cooperator() != nullptr; }
  void cancel(std::int64_t seq) noexcept override;

  /// Tells the peer, if it can be told, that nobody waits for the answer to our question any more.
  void send_cancel(std::int64_t seq) noexcept;

  /// Has `function` called, without the GIL and on any thread, when messages were read that wait
  /// for somebody to serve them. Empty: nobody. It is not running any more on return.
  void set_on_messages_left(std::function<void()> function);

  /// The same by a descriptor, an eventfd: readable then. -1: none. It may be closed on return once
  /// it was exchanged.
  void set_wakeup(int descriptor) noexcept;

 private:
  Peer(ConnectionObject* owner, std::unique_ptr<io::Stream> stream,
       std::unique_ptr<dialect::rpyc::RpycSession> session, const PeerLimits& limits,
       const rpc::Limits& rpc_limits);

  struct ImportKey {
    RemoteClass* remote_class;
    std::int64_t instance_id;
    bool operator==(const ImportKey&) const noexcept = default;
  };
  // A netref is its own key, so that the table holds nothing but pointers and pieces of hashes: 16
  // bytes a place, of which a netref takes two in the mean.
  static ImportKey key_of(const Netref* netref) noexcept {
    return {netref->remote_class, netref->instance_id};
  }
  struct ImportHash {
    std::size_t operator()(const ImportKey& key) const noexcept {
      return object::IdKeyHash()(
          {static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(key.remote_class)),
           key.instance_id});
    }
    std::size_t operator()(const Netref* netref) const noexcept { return (*this)(key_of(netref)); }
  };
  struct ImportEqual {
    using is_transparent = void;
    bool operator()(const Netref* one, const Netref* other) const noexcept {
      return key_of(one) == key_of(other);
    }
    bool operator()(const ImportKey& key, const Netref* netref) const noexcept {
      return key == key_of(netref);
    }
    bool operator()(const Netref* netref, const ImportKey& key) const noexcept {
      return key == key_of(netref);
    }
  };
  using Imports = tsl::robin_set<Netref*, ImportHash, ImportEqual, std::allocator<Netref*>,
                                 /*StoreHash=*/true>;
  struct Release {
    RemoteClass* remote_class;
    std::int64_t instance_id;
    std::uint64_t count;
  };

  /// The class that `id` names, entered if it is new. Throws sinew::Error beyond the limits.
  RemoteClass& class_of(const object::ObjectIdView& id);
  PyTypeObject* type_for(RemoteClass& remote_class, const object::ObjectIdView& id) noexcept;
  PyRef import_by_factory(RemoteClass& remote_class, std::int64_t instance_id);
  void release_soon(RemoteClass& remote_class, std::int64_t instance_id,
                    std::uint64_t count) noexcept;
  bool read_settings() noexcept;
  void count_bad_id() noexcept;

  ConnectionObject* const owner_;
  const std::uint64_t serial_;
  bool replaceable_ = false;
  Patience patience_;
  bool offered_ = false;
  std::mutex on_messages_left_mutex_;
  std::function<void()> on_messages_left_;  // guarded by on_messages_left_mutex_
  int wakeup_ = -1;                         // guarded by on_messages_left_mutex_
  const PeerLimits limits_;
  dialect::rpyc::RpycSession& session_;  // owned by connection_
  Settings settings_;
  std::uint64_t settings_changes_ = 1;  // how often the config changed
  std::uint64_t settings_read_ = 0;     // as of which change settings_ was read
  std::array<PyRef, 21> overrides_;
  PyRef cooperator_;
  PyRef dispatcher_;
  std::size_t jobs_ = 0;
  std::vector<PyRef> when_settled_;
  std::vector<std::int64_t> adopting_;  // the questions that threads of the dispatcher wait for
  object::ExportTable<PyRef, PyObject*> exports_;
  dialect::rpyc::KeptExports kept_;
  std::size_t bad_ids_ = 0;  // of the peer: ids that name nothing, and releases of too much
  Imports imports_;          // weak: a dying netref leaves
  RemoteClassTable classes_;
  object::ReleaseQueue<Release> releases_;
  rpc::Connection connection_;
};

/// PyModel with the references of one connection: what boxing works with.
class PeerModel : public PyModel {
 public:
  explicit PeerModel(Peer& peer) noexcept : peer_(peer) {}

  bool is_import(PyObject* object) const noexcept;
  void write_import_id(PyObject* object, Writer& out) const;
  Result<void> write_export_id(PyObject* object, Writer& out) noexcept {
    return peer_.write_export_id(object, out, sent_);
  }

  /// Takes back the exports of a message that is not going to be sent after all.
  void undo_exports() noexcept;

  /// The message is on its way, and with it the exports.
  void keep_exports() noexcept { sent_.clear(); }
  PyRef import_object(const object::ObjectIdView& id) const noexcept {
    return peer_.import_object(id);
  }
  PyRef exported_object(const object::ObjectIdView& id) const noexcept {
    return peer_.exported_object(id);
  }

 private:
  Peer& peer_;
  std::vector<object::IdKey> sent_;  // exports of the message that is being written
};

}  // namespace sinew::python
