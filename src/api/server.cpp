#include "sinew/server.hpp"

#include <atomic>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "api/admission.h"
#include "api/server_engine.h"
#include "api/signals.h"
#include "base/error.h"
#include "naming/uri.h"

namespace sinew {
namespace {

constexpr int kBacklog = 128;

bool is_local(const io::Address& address) {
  return address.family == io::Address::Family::kUnix || address.host.starts_with("127.") ||
         address.host == "::1";
}

// Whoever reaches the port may do all that is offered: that is to be meant.
void refuse_open(const naming::Uri& uri, const io::Address& bound,
                 const detail::Admission& admission) {
  if (admission.options().insecure || admission.asks() || is_local(bound)) return;
  throw Error(
      Error::Kind::kFailed,
      fmt::format("other machines reach {}, and nobody is asked who he is. With a token: "
                  "options.token_file = \"lab.token\"; (to make one: openssl rand -hex 32 > "
                  "lab.token; chmod 600 lab.token). With certificates: tls://, "
                  "options.certificate and options.ca_file. If that is meant: options.insecure = "
                  "true;",
                  uri.to_text()));
}

}  // namespace

struct Server::State {
  State(std::string where, std::unique_ptr<detail::ServerEngine> its_engine,
        std::chrono::nanoseconds its_drain_time)
      : uri(std::move(where)), drain_time(its_drain_time), engine(std::move(its_engine)) {}

  const std::string uri;
  const std::chrono::nanoseconds drain_time;
  const std::unique_ptr<detail::ServerEngine> engine;
  std::atomic<bool> started{false};
  std::thread thread;
};

Server::Server(Root root, std::string_view text, const ServerOptions& options) {
  naming::Uri uri = naming::parse_uri(text);
  auto admission = std::make_shared<detail::Admission>(std::move(root), uri, options);
  io::Fd listener = io::listen(uri.address, kBacklog);
  const io::Address bound = io::local_address(listener.get());
  refuse_open(uri, bound, *admission);
  uri.address.port = bound.port;
  state_ = std::make_unique<State>(
      uri.to_text(), detail::ServerEngine::make(std::move(listener), std::move(admission)),
      options.drain_time);
}

Server::~Server() {
  stop();
  if (state_->thread.joinable()) state_->thread.join();
}

const std::string& Server::uri() const noexcept { return state_->uri; }
std::size_t Server::connections() const { return state_->engine->connections(); }

bool Server::run() {
  {
    const detail::SignalWatch watch([this] { state_->engine->close(); });
    state_->engine->run();
  }
  return stop();
}

void Server::start() {
  if (state_->started.exchange(true)) {
    throw Error(Error::Kind::kFailed, "the server was started already");
  }
  state_->thread = std::thread([this] { state_->engine->run(); });
}

bool Server::stop() { return state_->engine->stop(Deadline::after(state_->drain_time)); }

}  // namespace sinew
