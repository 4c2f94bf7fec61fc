#include "sinew/connection.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "api/peer.h"
#include "api/question.h"
#include "api/serving.h"
#include "api/token.h"
#include "base/error.h"
#include "dialect/rpyc/token.h"
#include "io/address.h"
#include "io/socket_stream.h"
#include "io/tls_context.h"
#include "io/tls_stream.h"
#include "naming/uri.h"

namespace sinew {
namespace {

using detail::Verb;

thread_local TimePoint time_limit = TimePoint::max();

std::unique_ptr<io::Stream> secured(std::unique_ptr<io::Stream> stream, const naming::Uri& uri,
                                    const Options& options, Deadline deadline) {
  io::TlsOptions tls;
  tls.certificate_file = options.certificate;
  tls.key_file = options.private_key;
  tls.ca_file = options.ca_file;
  tls.verify = options.verify ? io::TlsOptions::Verify::kRequired : io::TlsOptions::Verify::kNone;
  auto secure = std::make_unique<io::TlsStream>(
      std::move(stream), std::make_shared<const io::TlsContext>(std::move(tls)),
      options.server_name.empty() ? uri.address.host : options.server_name);
  Result<void> done;
  do {
    done = secure->handshake(deadline);
  } while (!done && done.error() == Errc::kInterrupted);
  if (done) return secure;
  const std::string why = secure->last_error();
  throw Error(kind_of(done.error()),
              fmt::format("{}: {}", uri.to_text(),
                          why.empty() ? std::string(describe(done.error())) : why));
}

}  // namespace

namespace detail {

// Named in two ways, because a server may offer an object of the name of a module.
struct Remembered {
  std::mutex mutex;
  std::optional<Object> root;                          // guarded by mutex
  std::map<std::string, Object, std::less<>> offered;  // guarded by mutex: attributes of the root
  std::map<std::string, Object, std::less<>> modules;  // guarded by mutex
};

// What is asked while a request is served gets what is left of its time.
Deadline scope_deadline() noexcept {
  const Serving* const serving = Serving::innermost();
  const Deadline of_request = serving != nullptr ? serving->deadline() : Deadline::never();
  if (time_limit == TimePoint::max()) return of_request;
  return Deadline::earlier(of_request, Deadline::after(time_limit - Clock::system().now()));
}

}  // namespace detail

Connection connect(std::string_view text, const Options& options) {
  const naming::Uri uri = naming::parse_uri(text);
  const std::string token = detail::find_token(options);
  const Deadline deadline = Deadline::after(options.connect_timeout);
  std::unique_ptr<io::Stream> stream =
      std::make_unique<io::SocketStream>(io::connect(uri.address, deadline));
  if (uri.is_tls) stream = secured(std::move(stream), uri, options, deadline);
  if (!token.empty()) {
    dialect::rpyc::prove_to_server(*stream, token, uri.to_text(), deadline);
  }
  return Connection(detail::Peer::make(std::move(stream), options));
}

namespace {

// Two threads that are first at once both ask; the first answer is kept.
Object remembered_in(std::mutex& mutex, std::map<std::string, Object, std::less<>>& known,
                     std::string_view name, auto&& ask) {
  {
    const std::scoped_lock lock(mutex);
    if (const auto found = known.find(name); found != known.end()) return found->second;
  }
  Object made = ask();
  const std::scoped_lock lock(mutex);
  return known.try_emplace(std::string(name), std::move(made)).first->second;
}

}  // namespace

Connection::Connection(std::shared_ptr<detail::Peer> peer)
    : peer_(std::move(peer)), remembered_(std::make_shared<detail::Remembered>()) {}

Object Connection::root() const {
  if (closed()) peer_->throw_dead();
  {
    const std::scoped_lock lock(remembered_->mutex);
    if (remembered_->root) return *remembered_->root;
  }
  Object made = detail::ask_peer(*peer_, {.verb = Verb::kRoot});
  const std::scoped_lock lock(remembered_->mutex);
  if (!remembered_->root) remembered_->root = std::move(made);
  return *remembered_->root;
}

Object Connection::of_classic_server(std::string_view name) const {
  if (closed()) peer_->throw_dead();
  try {
    return remembered_in(remembered_->mutex, remembered_->offered, name,
                         [&] { return root().get(name); });
  } catch (const RemoteError& error) {
    if (!error.is("AttributeError")) throw;
    throw Error(
        Error::Kind::kUnsupported,
        fmt::format("the server is not a classic server: it does not offer '{}'; root() has "
                    "what it offers ({})",
                    name, describe()));
  }
}

Object Connection::module(std::string_view name) const {
  if (closed()) peer_->throw_dead();
  return remembered_in(remembered_->mutex, remembered_->modules, name,
                       [&] { return of_classic_server("getmodule").invoke<Object>(name); });
}

Object Connection::builtin(std::string_view name) const { return module("builtins").get(name); }

Object Connection::evaluate(std::string_view expression) const {
  return of_classic_server("eval").invoke<Object>(expression);
}

void Connection::execute(std::string_view statements) const {
  of_classic_server("execute").invoke<void>(statements);
}

Object Connection::variables() const { return of_classic_server("namespace"); }

void Connection::ping() const {
  constexpr std::string_view kData = "sinew";
  const Value data = kData;
  const Value echo = detail::ask_peer(*peer_, {.verb = Verb::kPing, .positional = {&data, 1}});
  if (echo != data) throw Error(Error::Kind::kProtocol, "the peer answers a ping with other data");
}

bool Connection::serve(std::optional<std::chrono::nanoseconds> time) const {
  const std::shared_ptr<detail::Peer> alive = peer_;
  const Deadline deadline = time ? Deadline::after(*time) : Deadline::never();
  rpc::Connection& connection = alive->connection();
  while (!connection.is_dead()) {
    const rpc::WaitStatus status = connection.serve(deadline, /*once=*/false);
    if (status == rpc::WaitStatus::kTimedOut) return true;
  }
  return false;
}

void Connection::close() const noexcept {
  peer_->close();
  detail::Remembered gone;  // outlives the lock
  const std::scoped_lock lock(remembered_->mutex);
  gone.root.swap(remembered_->root);
  gone.offered.swap(remembered_->offered);
  gone.modules.swap(remembered_->modules);
}

bool Connection::closed() const noexcept { return peer_->connection().is_dead(); }
std::string Connection::describe() const { return peer_->connection().stream().describe(); }

TimeLimit::TimeLimit(std::chrono::nanoseconds time) : outer_(time_limit.time_since_epoch()) {
  time_limit = std::min(time_limit, Deadline::after(time).at());
}

TimeLimit::~TimeLimit() { time_limit = TimePoint(outer_); }

}  // namespace sinew
