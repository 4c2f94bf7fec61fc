#include "messages.h"

#include "answer.h"
#include "async_result.h"
#include "codec_api.h"
#include "errors.h"
#include "gil.h"
#include "question.h"
#include "wire/rpyc_frame.h"

namespace sinew::python {
namespace {

using dialect::rpyc::Handler;

Peer* peer_of(PyObject* object) noexcept {
  return python::peer_of(reinterpret_cast<ConnectionObject*>(object));
}

// The payload that a stock peer of family C would have sent.
PyRef payload_of(wire::MessageKind kind, std::int64_t seq, ByteView body) noexcept try {
  Writer out;
  wire::begin_message(out, wire::Family::kC, kind, seq);
  out.append(body);
  return joined(out);
} catch (...) {
  raise_current();
  return {};
}

// Brine to Python values, whatever they mean.
PyRef load(Peer& peer, const Writer& brine) {
  const PyRef bytes = joined(brine);
  if (!bytes) return {};
  PyModel model;
  Reader in(model.bytes(bytes.get()));
  auto value = wire::decode_brine(model, in, peer.limits().brine);
  if (value) return *std::move(value);
  raise_codec_error(value.error(), "cannot show a box");
  return {};
}

// Sends what does not fit at once, reading meanwhile. False when a signal handler raised.
bool drain(Peer& peer) {
  const AllowThreads unlocked;
  return peer.connection().drain(Deadline::never()) != rpc::WaitStatus::kInterrupted;
}

bool send_request(Peer& peer, std::int64_t seq, const Writer& message) {
  PyRef result = result_to_send(peer, seq);
  if (!result) return false;
  release_deferred();
  peer.send_releases();
  const auto sent = peer.connection().start(call_of(result.get()), message, /*awaited=*/false);
  if (!sent) {
    sent.error() == Errc::kConnectionReset ? raise_dead(peer)
                                           : raise_codec_error(sent.error(), "cannot send");
    return false;
  }
  if (!announce_when_done(std::move(result))) return false;
  return *sent || drain(peer);
}

bool send_message(Peer& peer, wire::MessageKind kind, std::int64_t seq, PyObject* body) {
  Writer out;
  const std::size_t start = wire::begin_frame(out);
  peer.begin_message(out, kind, seq);
  PyModel model;
  auto written = wire::encode_brine(model, body, out, peer.limits().brine);
  if (written) written = wire::end_frame(out, start);
  if (!written) {
    raise_codec_error(written.error(), "cannot send a message");
    return false;
  }
  if (kind == wire::MessageKind::kRequest) return send_request(peer, seq, out);
  return send_answer(peer, out);
}

}  // namespace

bool dispatch_in_python(Peer& peer, const rpc::Incoming& request) noexcept {
  const PyRef payload = payload_of(wire::MessageKind::kRequest, request.seq, request.body.bytes());
  const PyRef done =
      payload ? PyRef::steal(PyObject_CallMethodOneArg(
                    peer.owner_object(), peer.state().names.dispatch.get(), payload.get()))
              : PyRef();
  return static_cast<bool>(done);
}

bool deliver_in_python(Peer& peer, const rpc::Call& call, PyObject* result) noexcept {
  const auto kind = call.outcome() == rpc::Call::Outcome::kReply ? wire::MessageKind::kReply
                                                                 : wire::MessageKind::kException;
  const PyRef payload = payload_of(kind, call.seq(), call.body().bytes());
  const PyRef seq = PyRef::steal(PyLong_FromLongLong(call.seq()));
  if (!payload || !seq) return false;
  return static_cast<bool>(
      PyRef::steal(PyObject_CallMethodObjArgs(peer.owner_object(), peer.state().names.deliver.get(),
                                              seq.get(), result, payload.get(), nullptr)));
}

PyObject* ask_in_python(Peer& peer, Handler handler, PyObject* first, PyObject* second,
                        PyObject* third, PyObject* fourth) noexcept {
  const PyRef number = PyRef::steal(PyLong_FromLongLong(static_cast<long long>(handler)));
  if (!number) return nullptr;
  return PyObject_CallMethodObjArgs(peer.owner_object(), peer.state().names.sync_request.get(),
                                    number.get(), first, second, third, fourth, nullptr);
}

PyRef keyword_pairs(PyObject* keywords) noexcept {
  if (keywords == nullptr) return PyRef::steal(PyTuple_New(0));
  const PyRef items = PyRef::steal(PyDict_Items(keywords));
  return items ? PyRef::steal(PyList_AsTuple(items.get())) : PyRef();
}

PyRef keyword_pairs(PyObject* names, PyObject* const* values) noexcept {
  const Py_ssize_t count = names != nullptr ? PyTuple_GET_SIZE(names) : 0;
  PyRef pairs = PyRef::steal(PyTuple_New(count));
  for (Py_ssize_t i = 0; pairs && i < count; ++i) {
    PyObject* const pair = PyTuple_Pack(2, PyTuple_GET_ITEM(names, i), values[i]);
    if (pair == nullptr) return {};
    PyTuple_SET_ITEM(pairs.get(), i, pair);
  }
  return pairs;
}

// (label, what is boxed), as it goes over the wire; counts what it lends.
PyObject* connection_box(PyObject* object, PyObject* value) {
  Peer* const peer = peer_of(object);
  if (peer == nullptr) return nullptr;
  PeerModel model(*peer);
  Writer out;
  const auto written = dialect::rpyc::box(model, value, out, peer->limits().brine);
  PyRef package = written ? load(*peer, out) : PyRef();
  if (!written) raise_codec_error(written.error(), "cannot box a value");
  package ? model.keep_exports() : model.undo_exports();
  return package.release();
}

PyObject* connection_unbox(PyObject* object, PyObject* package) {
  Peer* const peer = peer_of(object);
  if (peer == nullptr) return nullptr;
  PyModel plain;
  Writer out;
  const auto written = wire::encode_brine(plain, package, out, peer->limits().brine);
  if (!written) {
    raise_codec_error(written.error(), "cannot unbox a value");
    return nullptr;
  }
  const PyRef bytes = joined(out);
  if (!bytes) return nullptr;
  PeerModel model(*peer);
  Reader in(plain.bytes(bytes.get()));
  auto value = dialect::rpyc::unbox(model, in, peer->limits().brine);
  if (value) return value->release();
  raise_codec_error(value.error(), "cannot unbox a value");
  return nullptr;
}

PyObject* connection_send(PyObject* object, PyObject* args) {
  Peer* const peer = peer_of(object);
  long long kind = 0;
  long long seq = 0;
  PyObject* body = nullptr;
  if (peer == nullptr || PyArg_ParseTuple(args, "LLO:_send", &kind, &seq, &body) == 0) {
    return nullptr;
  }
  if (kind < 1 || kind > 3) {
    PyErr_Format(PyExc_ValueError, "%lld is no kind of message", kind);
    return nullptr;
  }
  if (!send_message(*peer, static_cast<wire::MessageKind>(kind), seq, body)) return nullptr;
  Py_RETURN_NONE;
}

}  // namespace sinew::python
