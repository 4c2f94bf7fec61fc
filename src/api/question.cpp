#include "api/question.h"

#include <utility>

#include <fmt/format.h>

#include "api/exceptions.h"
#include "api/serving.h"
#include "base/error.h"
#include "rpc/awaited_call.h"
#include "wire/rpyc_frame.h"

namespace sinew::detail {

using dialect::rpyc::Extension;
using dialect::rpyc::Handler;
using dialect::rpyc::Label;

namespace {

Handler handler_of(Verb verb) noexcept {
  switch (verb) {
    case Verb::kRoot: return Handler::kGetRoot;
    case Verb::kPing: return Handler::kPing;
    case Verb::kGet: return Handler::kGetAttr;
    case Verb::kSet: return Handler::kSetAttr;
    case Verb::kDelete: return Handler::kDelAttr;
    case Verb::kCall: return Handler::kCall;
    case Verb::kCallMethod: return Handler::kCallAttr;
    case Verb::kRepr: return Handler::kRepr;
    case Verb::kStr: return Handler::kStr;
    case Verb::kHash: return Handler::kHash;
    case Verb::kDir: return Handler::kDir;
    case Verb::kCompare: return Handler::kCmp;
    case Verb::kFetchItems: return Handler::kBuffIter;
    case Verb::kIsInstance: return Handler::kInstanceCheck;
  }
  return Handler::kPing;
}

}  // namespace

Question::Question(Peer& peer, const Import* target, const Request& request)
    : peer_(peer),
      model_(peer),
      seq_(peer.connection().next_seq()),
      deadline_(Deadline::earlier(scope_deadline(), peer.call_deadline())) {
  write_arguments(target, request);
  check(wire::end_frame(out_, frame_start_));
}

void Question::check(Result<void> written) {
  if (!written) throw make_error(written.error(), "cannot send a request");
}

// What is told about the request goes in front of it.
void Question::write_head(Handler handler, std::size_t count, const Import* target) {
  const wire::Family family = peer_.family();
  const dialect::rpyc::RpycSession& session = peer_.session();
  if (!deadline_.is_never() && !scope_deadline().is_never() &&
      session.agrees_on(Extension::kDeadline)) {
    dialect::rpyc::write_deadline(out_, family, seq_, deadline_.remaining());
  }
  const Serving* const serving = Serving::innermost();
  if (serving != nullptr && &serving->peer() == &peer_ && session.agrees_on(Extension::kAffinity)) {
    dialect::rpyc::write_affinity(out_, family, seq_, serving->seq());
  }
  frame_start_ = wire::begin_frame(out_);
  wire::begin_message(out_, family, wire::MessageKind::kRequest, seq_);
  wire::write_tuple_header(out_, 2);
  wire::write_int(out_, static_cast<std::int64_t>(handler));
  dialect::rpyc::write_label(out_, Label::kTuple);
  wire::write_tuple_header(out_, count + (target != nullptr ? 1 : 0));
  if (target == nullptr) return;
  dialect::rpyc::write_label(out_, Label::kLocalRef);
  dialect::rpyc::write_object_id(out_, target->id.view());
}

void Question::write_arguments(const Import* target, const Request& request) {
  const Handler handler = handler_of(request.verb);
  switch (request.verb) {
    case Verb::kGet:
    case Verb::kDelete: write_head(handler, 1, target); return add_text(request.name);
    case Verb::kSet:
      write_head(handler, 2, target);
      add_text(request.name);
      return add(request.positional.front());
    case Verb::kCall:
      write_head(handler, 2, target);
      add_items(request.positional);
      return add_named(request.named);
    case Verb::kCallMethod:
      write_head(handler, 3, target);
      add_text(request.name);
      add_items(request.positional);
      return add_named(request.named);
    case Verb::kCompare:
      write_head(handler, 2, target);
      add(request.positional.front());
      return add_text(request.name);
    default:
      write_head(handler, request.positional.size(), target);
      for (const Value& value : request.positional) add(value);
  }
}

void Question::add(const Value& value) {
  check(dialect::rpyc::box(model_, &value, out_, peer_.brine_limits()));
}

void Question::add_text(std::string_view text) {
  dialect::rpyc::write_label(out_, Label::kValue);
  wire::write_text(out_, text);
}

void Question::add_items(std::span<const Value> items) {
  const auto item_at = [&](std::size_t i) { return &items[i]; };
  check(dialect::rpyc::box_items(model_, items.size(), item_at, out_, peer_.brine_limits()));
}

// A tuple of pairs.
void Question::add_named(std::span<const NamedArgument> named) {
  std::vector<Value> pairs;
  pairs.reserve(named.size());
  for (const NamedArgument& each : named) {
    pairs.push_back(Value::tuple({Value(each.name), each.value}));
  }
  add_items(pairs);
}

void Question::send(rpc::Call& call, bool later) {
  peer_.offer_extensions(out_);
  peer_.send_releases();
  rpc::Connection& connection = peer_.connection();
  const auto sent = later ? connection.start_later(call, out_) : connection.start(call, out_);
  if (!sent) {
    if (sent.error() == Errc::kConnectionReset) peer_.throw_dead();
    throw make_error(sent.error(), "cannot send a request");
  }
  model_.keep_exports();
  // What does not leave in time leaves later: a message cannot be taken back.
  if (!*sent && !call.done()) static_cast<void>(connection.drain(deadline_));
}

Value outcome_of(Peer& peer, const rpc::Call& call) {
  if (call.outcome() == rpc::Call::Outcome::kFailed) throw *call.error();
  if (call.outcome() == rpc::Call::Outcome::kExpired) throw_too_late(peer);
  Reader in(call.body().bytes());
  if (call.outcome() == rpc::Call::Outcome::kException) throw_remote(in, peer.brine_limits());
  Model model(peer, &call.body());
  const Reader box = in;
  auto value = dialect::rpyc::unbox(model, in, peer.brine_limits());
  if (value) return **std::move(value);
  peer.give_back_rest(box, in);
  throw make_error(value.error(), "cannot read an answer");
}

void throw_too_late(Peer& peer) {
  throw Error(Error::Kind::kTimedOut,
              fmt::format("no answer in time ({})", peer.connection().stream().describe()));
}

namespace {

Value ask(Peer& peer, const Import* target, const Request& request) {
  Question question(peer, target, request);
  rpc::AwaitedCall call(peer, question.seq());
  question.send(call, /*later=*/false);
  static_cast<void>(peer.connection().wait(call, question.deadline()));
  if (call.done()) return outcome_of(peer, call);
  if (peer.connection().forget(call)) {
    peer.send_cancel(call.seq());
    if (peer.connection().is_dead()) peer.throw_dead();
    throw_if_stopped();
    throw_too_late(peer);
  }
  return outcome_of(peer, call);  // it came in this very instant
}

const Import& referenced(const Value& target) {
  const Import* const import = import_of(target);
  if (import == nullptr) refuse_conversion(target, "an object of a peer's: it came by value");
  return *import;
}

}  // namespace

Value ask(const Value& target, const Request& request) {
  const Import& import = referenced(target);
  const std::shared_ptr<Peer> alive = import.peer;
  return ask(*alive, &import, request);
}

Value ask_peer(Peer& peer, const Request& request) {
  const std::shared_ptr<Peer> alive = peer.shared_from_this();
  return ask(peer, nullptr, request);
}

std::shared_ptr<Pending> start(const Value& target, const Request& request) {
  const Import& import = referenced(target);
  return AsyncQuestion::start(import.peer, &import, request);
}

}  // namespace sinew::detail
