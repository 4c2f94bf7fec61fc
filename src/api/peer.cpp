#include "api/peer.h"

#include <utility>

#include <fmt/format.h>

#include "api/model.h"
#include "base/error.h"
#include "sinew/python_error.hpp"
#include "wire/rpyc_frame.h"

namespace sinew::detail {
namespace {

// Bytes that a client may send in one message before a server has heard from it.
constexpr std::size_t kMostAtFirst = 64 * 1024;

dialect::rpyc::SessionOptions session_options(const Options& options, bool is_server) {
  using Family = dialect::rpyc::SessionOptions::Family;
  dialect::rpyc::SessionOptions made;
  made.wire_family = is_server                               ? Family::kDetect
                     : options.wire == Options::Wire::kAuto  ? Family::kAuto
                     : options.wire == Options::Wire::kRpyc5 ? Family::kB
                                                             : Family::kC;
  made.max_frame_size = options.max_frame_size;
  made.max_inflated_size = options.max_inflated_size;
  made.heartbeat = options.heartbeat;
  made.speaks_cpp = true;
  if (is_server) made.max_first_frame_size = kMostAtFirst;
  return made;
}

rpc::Limits connection_limits(const Options& options) {
  return {.max_pending_calls = options.max_pending_calls,
          .heartbeat = options.heartbeat,
          .frame_timeout = options.frame_timeout};
}

}  // namespace

std::shared_ptr<Peer> Peer::make(std::unique_ptr<io::Stream> stream, const Options& options,
                                 Root root) {
  auto session = std::make_unique<dialect::rpyc::RpycSession>(
      session_options(options, static_cast<bool>(root)));
  auto peer =
      std::make_shared<Peer>(std::move(stream), std::move(session), options, std::move(root));
  peer->connection_.ask_for_care();
  return peer;
}

// A server does not offer extensions: its clients do.
Peer::Peer(std::unique_ptr<io::Stream> stream, std::unique_ptr<dialect::rpyc::RpycSession> session,
           const Options& options, Root root)
    : options_(options),
      make_root_(std::move(root)),
      brine_limits_{.max_depth = options.max_depth},
      session_(*session),
      offered_(static_cast<bool>(make_root_)),
      exports_(options.max_exports),
      connection_(std::move(stream), std::move(session), *this, connection_limits(options)) {}

Peer::~Peer() { close(); }

wire::Family Peer::family() noexcept {
  if (!session_.has_heard()) session_.note_spoken();
  return session_.family();
}

void Peer::offer_extensions(Writer& out) {
  if (offered_.load(std::memory_order_relaxed) || offered_.exchange(true)) return;
  session_.write_offer(out, connection_.next_seq());
}

// The farewell of RPyC is a request that stock peers do not answer. Nobody waits for it to leave:
// what the kernel does not take at once is lost, and the end of the stream says the same.
void Peer::close() noexcept try {
  if (!connection_.is_dead()) {
    closing_.store(true);
    connection_.expect_end(Error(Error::Kind::kDisconnected, "the connection was closed"));
    Writer out;
    const std::size_t start = wire::begin_frame(out);
    wire::begin_message(out, family(), wire::MessageKind::kRequest, connection_.next_seq());
    wire::write_tuple_header(out, 2);
    wire::write_int(out, static_cast<std::int64_t>(dialect::rpyc::Handler::kClose));
    dialect::rpyc::write_label(out, dialect::rpyc::Label::kTuple);
    wire::write_tuple_header(out, 0);
    if (wire::end_frame(out, start)) static_cast<void>(connection_.send_now(out));
    connection_.fail(Error(Error::Kind::kDisconnected, "the connection was closed"));
  }
  announce_the_end();
  let_go();
} catch (...) {
  connection_.fail(Error(Error::Kind::kDisconnected, {}));
}

// What the peer held, and what was made for it. Whatever dies with that outlives the locks.
void Peer::let_go() noexcept try {
  std::optional<Value> root;
  {
    const std::scoped_lock lock(root_mutex_);
    root.swap(root_);
  }
  std::vector<std::shared_ptr<Servant>> dying;
  const std::scoped_lock lock(mutex_);
  dying = exports_.clear();
  kept_.clear();
} catch (...) {
  return;  // out of memory: it dies with the connection
}

// Calls that have ended with the connection, and that somebody wants to be told of (then()):
// perhaps nobody waits or serves any more who would tell.
void Peer::announce_the_end() noexcept {
  static_cast<void>(connection_.serve(Deadline::after(Duration::zero()), /*once=*/false,
                                      /*wait_for_turn=*/false));
}

// A function of ours that has captured an object of the peer's keeps the connection, and the
// connection the function: a connection that breaks lets go as one that is closed does. Not on this
// thread, which may be one that looks after all connections.
void Peer::ended() noexcept {
  servings_.stop_all();
  const std::weak_ptr<Peer> self = weak_from_this();
  if (self.expired() || closing_.load()) return;
  Housekeeper::announcer().soon([self] {
    const auto alive = self.lock();
    if (!alive) return;
    alive->announce_the_end();
    alive->let_go();
  });
}

void Peer::messages_left() noexcept {
  const std::scoped_lock lock(messages_left_mutex_);
  if (on_messages_left_) on_messages_left_();
}

void Peer::on_messages_left(std::function<void()> function) {
  const std::scoped_lock lock(messages_left_mutex_);
  on_messages_left_.swap(function);
}

bool Peer::handles_signals() const noexcept {
  const Serving* const serving = Serving::innermost();
  return serving != nullptr && serving->may_be_stopped();
}

bool Peer::interrupted() noexcept {
  const Serving* const serving = Serving::innermost();
  return serving != nullptr && serving->is_stopped();
}

bool Peer::may_begin() noexcept {
  if (!may_begin_) return true;
  std::call_once(begun_, [this] {
    if (may_begin_()) return;
    refused_.store(true);
    connection_.fail(Error(Error::Kind::kDisconnected, "the server does not serve this client"));
  });
  return !refused_.load();
}

void Peer::closed_by_peer() noexcept {
  connection_.fail(Error(Error::Kind::kDisconnected, "the peer closed the connection"));
}

Deadline Peer::call_deadline() const noexcept {
  return options_.call_timeout == Duration::zero() ? Deadline::never()
                                                   : Deadline::after(options_.call_timeout);
}

void Peer::send_cancel(std::int64_t seq) noexcept try {
  if (!session_.may_cancel() || connection_.is_dead()) return;
  Writer out;
  dialect::rpyc::write_cancel(out, session_.family(), seq);
  constexpr auto kSoon = std::chrono::milliseconds(5);
  if (const auto sent = connection_.send_now(out); sent && !*sent) connection_.flush_within(kSoon);
} catch (...) {
  return;  // out of memory: the peer works on for nothing
}

// Made without the lock: it may ask the client, who may ask for the root. Two threads of a client
// that are first at once make two, of which one is used.
Value Peer::root() {
  {
    const std::scoped_lock lock(root_mutex_);
    if (root_ || !make_root_) return root_.value_or(Value());
  }
  static thread_local const Peer* making = nullptr;
  if (making == this) throw PythonError("RuntimeError", {Value("the root is being made")});
  const Peer* const outer = std::exchange(making, this);
  const auto restore = [&](const Peer*) { making = outer; };
  const std::unique_ptr<const Peer, decltype(restore)> guard(this, restore);
  Value made = make_root_(Connection(shared_from_this())).value();
  const std::scoped_lock lock(root_mutex_);
  if (!root_) root_ = std::move(made);
  return *root_;
}

void Peer::count_bad_id() noexcept try {
  if (bad_ids_.fetch_add(1) + 1 != options_.max_bad_ids) return;
  connection_.fail(Error(Error::Kind::kProtocol,
                         fmt::format("the peer used {} ids that name nothing (max_bad_ids): {}",
                                     options_.max_bad_ids, connection_.stream().describe())));
} catch (...) {
  bad_ids_.fetch_sub(1);  // out of memory: the next one ends it
}

void Peer::throw_dead() const {
  if (const auto error = connection_.error()) throw *error;
  throw Error(Error::Kind::kDisconnected, "the connection is closed");
}

}  // namespace sinew::detail
