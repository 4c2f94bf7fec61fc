#include "api/serving.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "api/exceptions.h"
#include "api/forwarder.h"
#include "api/model.h"
#include "api/question.h"
#include "base/error.h"
#include "dialect/rpyc/extensions.h"
#include "sinew/python_error.hpp"
#include "wire/rpyc_frame.h"

namespace sinew::detail {
namespace {

using dialect::rpyc::Extension;
using dialect::rpyc::Handler;
using dialect::rpyc::ItemReader;

[[noreturn]] void refuse_request(Errc errc) {
  throw ConversionError("cannot read a request: " + std::string(describe(errc)));
}

template <class T>
T read(Result<T> result) {
  if (!result) refuse_request(result.error());
  return *std::move(result);
}

// Reads the arguments of one request.
class Request {
 public:
  Request(Peer& peer, const Slice& body, ItemReader& items)
      : peer_(peer), model_(peer, &body), items_(items) {}

  Value next() { return *read(items_.next(model_, peer_.brine_limits())); }

  // The object that the request is about.
  std::shared_ptr<Servant> servant() {
    const Value value = next();
    const Import* const import = import_of(value);
    if (import != nullptr && import->peer.get() != &peer_) {  // another peer's, which we stand for
      return forwarder_for(std::static_pointer_cast<Import>(value.opaque().object));
    }
    if (value.kind() != ValueKind::kOther || value.opaque().id != kServant) {
      throw ConversionError("the request is about no object of ours");
    }
    return std::static_pointer_cast<Servant>(value.opaque().object);
  }

  std::string text() {
    const Value value = next();
    if (value.kind() != ValueKind::kText) throw ConversionError("a name must be a str");
    return std::string(value.text());
  }

  // Positional and named arguments, in this order; the latter may lack.
  Value call(auto&& function) {
    const Value positional = next();
    std::vector<std::pair<std::string, Value>> named;
    if (items_.remaining() > 0) {
      const Value pairs = next();
      for (const Value& pair : pairs.items()) {
        if (pair.items().size() != 2 || pair.items()[0].kind() != ValueKind::kText) {
          throw ConversionError("named arguments must be pairs of a name and a value");
        }
        named.emplace_back(pair.items()[0].text(), pair.items()[1]);
      }
    }
    return function(Arguments{positional.items(), named});
  }

 private:
  Peer& peer_;
  Model model_;
  ItemReader& items_;
};

// What RPyC asks about a class before it makes proxies: its methods and their docstrings.
Value inspect(const Servant& servant) {
  std::vector<Value> methods;
  for (const Member& method : servant.methods()) {
    methods.push_back(Value::tuple({Value(method.name), Value(method.doc)}));
  }
  return Value::tuple(std::move(methods));
}

// The next items of an iterator, at most `count`.
Value fetch(Peer& peer, Servant& iterator, std::size_t count) {
  std::vector<Value> items;
  try {
    count = std::min(count, peer.options().max_chunk_items);
    while (items.size() < count) items.push_back(iterator.call_method("__next__", {}));
  } catch (const PythonError& error) {
    if (error.type() != "StopIteration") throw;
  }
  return Value::tuple(std::move(items));
}

Value serve_call(Peer& peer, Handler handler, Request& request) {
  switch (handler) {
    case Handler::kPing: return request.next();
    case Handler::kGetRoot: return peer.root();
    case Handler::kGetAttr: {
      const auto servant = request.servant();
      return servant->get(request.text());
    }
    case Handler::kSetAttr: {
      const auto servant = request.servant();
      const std::string name = request.text();
      servant->set(name, request.next());
      return {};
    }
    case Handler::kDelAttr: {
      const auto servant = request.servant();
      servant->del(request.text());
      return {};
    }
    case Handler::kCall: {
      const auto servant = request.servant();
      return request.call([&](const Arguments& arguments) { return servant->call(arguments); });
    }
    case Handler::kCallAttr: {
      const auto servant = request.servant();
      const std::string name = request.text();
      return request.call(
          [&](const Arguments& arguments) { return servant->call_method(name, arguments); });
    }
    case Handler::kRepr: return request.servant()->repr();
    case Handler::kStr: return request.servant()->str();
    case Handler::kHash: return request.servant()->hash();
    case Handler::kDir: return to_value(request.servant()->dir());
    case Handler::kBuffIter: {
      const auto iterator = request.servant();
      return fetch(peer, *iterator, from_value<std::size_t>(request.next()));
    }
    case Handler::kCmp: {
      const auto servant = request.servant();
      const Value other = request.next();
      return servant->compare(request.text(), other);
    }
    case Handler::kPickle: throw PythonError("ValueError", {Value("pickling is disabled")});
    default:
      throw PythonError("AttributeError",
                        {Value("no C++ object serves requests with the code " +
                               std::to_string(static_cast<std::int64_t>(handler)))});
  }
}

// DEL and INSPECT name an object without asking for it.
std::optional<Value> serve_by_id(Peer& peer, Handler handler, ItemReader& items) {
  if (handler == Handler::kInspect) {
    const auto id = read(items.next_id());
    const auto servant = peer.exported_object(id);
    if (!servant) throw PythonError("KeyError", {Value("an object that is not exported")});
    return inspect(*servant);
  }
  if (handler != Handler::kDel) return std::nullopt;
  const auto id = read(items.next_id());
  const std::int64_t count = items.remaining() > 0 ? read(items.next_int()) : 1;
  if (count < 1) throw PythonError("ValueError", {Value("a count below one")});
  const auto released = peer.release_export(id, static_cast<std::uint64_t>(count));
  if (!released) throw PythonError("KeyError", {Value(std::string(describe(released.error())))});
  return Value();
}

Value serve_request(Peer& peer, Handler handler, const Slice& body, Reader in) {
  // What is not read, because it makes no sense or there is too much of it, nobody holds.
  struct Rest {
    ~Rest() { peer.give_back_rest(box, in); }
    Peer& peer;
    const Reader box;
    const Reader& in;
  };
  const Rest rest{peer, in, in};
  ItemReader items = read(ItemReader::of_box(in));
  if (auto done = serve_by_id(peer, handler, items)) return *std::move(done);
  Request request(peer, body, items);
  return serve_call(peer, handler, request);
}

void send(Peer& peer, const Writer& out) {
  peer.send_releases();
  const auto sent = peer.connection().send_answer(out);
  if (sent && !*sent) static_cast<void>(peer.connection().drain(Deadline::never()));
}

void answer_with(Peer& peer, std::int64_t seq, const Value& result) {
  Writer out;
  Model model(peer);
  const std::size_t start = wire::begin_frame(out);
  wire::begin_message(out, peer.session().family(), wire::MessageKind::kReply, seq);
  auto written = dialect::rpyc::box(model, &result, out, peer.brine_limits());
  if (written) written = wire::end_frame(out, start);
  if (!written) {
    model.undo_exports();
    throw make_error(written.error(), "cannot send the result");
  }
  send(peer, out);
}

void answer_with(Peer& peer, std::int64_t seq, const std::exception_ptr& exception) {
  Writer out;
  const std::size_t start = wire::begin_frame(out);
  wire::begin_message(out, peer.session().family(), wire::MessageKind::kException, seq);
  write_exception(out, exception, peer.brine_limits());
  if (wire::end_frame(out, start)) send(peer, out);
}

// Throws if the request is not to be served. What gives a reference back has its effect whoever
// waits for its answer.
void refuse_if_late(Peer& peer, const Serving& serving, Handler handler, const Reader& arguments) {
  const bool too_deep = serving.depth() > peer.options().max_call_depth;
  if (handler == Handler::kDel ||
      (!too_deep && !serving.is_stillborn() && !serving.deadline().passed())) {
    return;
  }
  peer.give_back_box(arguments);
  if (serving.is_stillborn()) {
    throw PythonError("RuntimeError", {Value("the call was cancelled before it was started")});
  }
  if (!too_deep) {
    throw PythonError("TimeoutError", {Value("the deadline passed before the call was started")});
  }
  throw PythonError("RecursionError",
                    {Value("requests are nested inside each other deeper than max_call_depth")});
}

void serve(Peer& peer, const rpc::Incoming& incoming, const Serving& serving) noexcept try {
  try {
    Reader in(incoming.body.bytes());
    if (const auto header = wire::read_tuple_header_of(in, 2); !header) {
      refuse_request(header.error());
    }
    const auto handler = static_cast<Handler>(read(wire::read_int(in)));
    if (handler == Handler::kClose) return peer.closed_by_peer();
    refuse_if_late(peer, serving, handler, in);
    answer_with(peer, incoming.seq, serve_request(peer, handler, incoming.body, in));
  } catch (...) {
    answer_with(peer, incoming.seq, std::current_exception());
  }
} catch (...) {
  return;  // out of memory: the caller at the other side will time out
}

// A message of an extension that is no request.
void serve_notice(Peer& peer, const rpc::Incoming& notice) noexcept {
  if (static_cast<Extension>(notice.seq) != Extension::kRelease) return;
  const auto served = dialect::rpyc::for_each_release(
      notice.body.bytes(), [&](const dialect::rpyc::ReleaseEntry& release) {
        static_cast<void>(peer.release_export(release.id, release.count));
      });
  if (!served) peer.connection().fail(dialect::rpyc::bad_release());
}

}  // namespace

void Peer::dispatch(rpc::WorkQueue& queue) noexcept {
  while (auto work = queue.take()) {
    if (work->completed == nullptr && work->incoming.kind == rpc::Incoming::Kind::kRequest) {
      // In this order: a cancellation that the next reader finds is to find the request.
      Serving serving(*this, work->incoming);
      queue.begin();
      if (may_begin()) serve(*this, work->incoming, serving);
      continue;
    }
    queue.begin();
    if (work->completed != nullptr) {
      AsyncQuestion::announce(*work->completed);
    } else if (work->incoming.kind == rpc::Incoming::Kind::kNotice) {
      serve_notice(*this, work->incoming);
    } else if (work->incoming.kind == rpc::Incoming::Kind::kReply) {
      give_back_box(Reader(work->incoming.body.bytes()));  // it came too late
    }
  }
}

}  // namespace sinew::detail
