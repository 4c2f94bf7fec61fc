#include "question.h"

#include "async_result.h"
#include "errors.h"
#include "gil.h"
#include "give_back.h"
#include "job.h"
#include "rpc/awaited_call.h"
#include "serving.h"
#include "wire/rpyc_frame.h"

namespace sinew::python {
using dialect::rpyc::Extension;
using dialect::rpyc::Handler;
using dialect::rpyc::Label;

Question::Question(Peer& peer, Handler handler, std::size_t count, Deadline expiry)
    : peer_(peer),
      model_(peer),
      seq_(peer.connection().next_seq()),
      deadline_(Deadline::earlier(expiry, scope_deadline(peer.state()))) {
  subject_.handler = handler;
  const wire::Family family = peer.family();
  const dialect::rpyc::RpycSession& session = peer.session();
  // What the peer does when a connection ends is to be done, whoever waits for it.
  const bool may_stop = handler != Handler::kClose;
  if (may_stop && !deadline_.is_never() && session.agrees_on(Extension::kDeadline)) {
    dialect::rpyc::write_deadline(out_, family, seq_, deadline_.remaining());
  }
  const Serving* const serving = Serving::innermost();
  if (serving != nullptr && &serving->peer() == &peer && session.agrees_on(Extension::kAffinity)) {
    dialect::rpyc::write_affinity(out_, family, seq_, serving->seq());
  }
  frame_start_ = wire::begin_frame(out_);
  peer.begin_message(out_, wire::MessageKind::kRequest, seq_);
  wire::write_tuple_header(out_, 2);
  wire::write_int(out_, static_cast<std::int64_t>(handler));
  dialect::rpyc::write_label(out_, Label::kTuple);
  wire::write_tuple_header(out_, count);
}

bool Question::check(Result<void> result) noexcept {
  if (result) return true;
  raise_codec_error(result.error(), "cannot send a request");
  return false;
}

bool Question::add_netref(const Netref* netref) noexcept try {
  subject_.target = netref->remote_class;
  dialect::rpyc::write_label(out_, Label::kLocalRef);
  netref->remote_class->write_id(out_, netref->instance_id);
  return true;
} catch (...) {
  raise_current();
  return false;
}

bool Question::add(PyObject* value) noexcept try {
  if (subject_.name == nullptr && PyUnicode_Check(value) != 0) subject_.name = value;
  return check(dialect::rpyc::box(model_, value, out_, peer_.limits().brine));
} catch (...) {
  raise_current();
  return false;
}

bool Question::add_int(std::int64_t value) noexcept try {
  dialect::rpyc::write_label(out_, Label::kValue);
  wire::write_int(out_, value);
  return true;
} catch (...) {
  raise_current();
  return false;
}

bool Question::add_items(PyObject* const* items, std::size_t count) noexcept try {
  const auto item_at = [&](std::size_t i) { return items[i]; };
  return check(dialect::rpyc::box_items(model_, count, item_at, out_, peer_.limits().brine));
} catch (...) {
  raise_current();
  return false;
}

bool Question::add_keywords(PyObject* keywords) noexcept {
  if (keywords == nullptr || PyDict_GET_SIZE(keywords) == 0) return add_items(nullptr, 0);
  const PyRef items = PyRef::steal(PyDict_Items(keywords));
  const PyRef pairs = items ? PyRef::steal(PyList_AsTuple(items.get())) : PyRef();
  return pairs && add(pairs.get());
}

bool Question::add_keywords(PyObject* names, PyObject* const* values) noexcept {
  if (names == nullptr || PyTuple_GET_SIZE(names) == 0) return add_items(nullptr, 0);
  const Py_ssize_t count = PyTuple_GET_SIZE(names);
  const PyRef pairs = PyRef::steal(PyTuple_New(count));
  if (!pairs) return false;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* const pair = PyTuple_Pack(2, PyTuple_GET_ITEM(names, i), values[i]);
    if (pair == nullptr) return false;
    PyTuple_SET_ITEM(pairs.get(), i, pair);
  }
  return add(pairs.get());
}

// Registers and sends. What does not fit at once is sent with the GIL given up, reading meanwhile.
bool Question::send(rpc::Call& call, Deadline patience, bool later) noexcept try {
  if (!check(wire::end_frame(out_, frame_start_))) return false;
  peer_.offer_extensions(out_);
  if (peer_.session().binds_threads()) [[unlikely]] {
    call.asked_by(dialect::rpyc::binding_for_sending(&peer_.session()).sender);
  }
  release_deferred();
  peer_.send_releases();
  const auto sent = later ? peer_.connection().start_later(call, out_)
                          : peer_.connection().start(call, out_, peer_.cooperator() == nullptr);
  if (!sent) {
    sent.error() == Errc::kConnectionReset ? raise_dead(peer_)
                                           : raise_codec_error(sent.error(), "cannot send");
    return false;
  }
  model_.keep_exports();
  if (*sent || call.done()) return true;
  rpc::WaitStatus status{};
  {
    const AllowThreads unlocked;
    if (peer_.cooperator() != nullptr) {
      peer_.connection().flush();  // the caretaker sends the rest
      return true;
    }
    status = peer_.connection().drain(patience);
  }
  if (status != rpc::WaitStatus::kInterrupted) return true;
  leave(call);
  return false;
} catch (...) {
  raise_current();
  return false;
}

PyObject* Question::ask() noexcept {
  const Settings* const settings = peer_.settings();
  if (settings == nullptr || refuse_to_wait(peer_)) return nullptr;
  subject_.asked = Clock::system().now();
  const Deadline deadline = Deadline::earlier(settings->deadline(), deadline_);
  if (peer_.cooperator() != nullptr) return ask_cooperatively(deadline);
  rpc::AwaitedCall call(peer_, seq_);
  if (!send(call, deadline)) return nullptr;
  if (!peer_.poll_briefly(call, deadline)) {
    // A signal that came while we looked would not interrupt the wait any more.
    if (PyErr_Occurred() != nullptr || PyErr_CheckSignals() != 0) {
      leave(call);
      return nullptr;
    }
    const Adopting adopting(peer_, call);
    if (PyErr_Occurred() != nullptr) {
      leave(call);
      return nullptr;
    }
    const rpc::WaitStatus status =
        wait_without_gil(peer_.patience(), [&] { return peer_.connection().wait(call, deadline); });
    if (!call.done()) abandon(call);
    if (!call.done()) {
      if (status == rpc::WaitStatus::kInterrupted) return nullptr;  // the exception is set
      status == rpc::WaitStatus::kTimedOut ? raise_too_late(peer_, subject_) : raise_dead(peer_);
      return nullptr;
    }
    if (status == rpc::WaitStatus::kInterrupted && PyErr_Occurred() != nullptr) {
      leave(call);
      return nullptr;
    }
  }
  // What the peer raised because the time was over is no news.
  if (call.outcome() == rpc::Call::Outcome::kException && deadline_.passed()) {
    raise_too_late(peer_, subject_);
    return nullptr;
  }
  return take_outcome(peer_, call);
}

// The call lies in an AsyncResult: while this greenlet waits, its stack is not in its place.
PyObject* Question::ask_cooperatively(Deadline deadline) noexcept {
  const PyRef result = make_async_result(peer_.owner(), seq_);
  if (!result) return nullptr;
  set_expiry(result.get(), deadline);
  if (!send(call_of(result.get()), deadline)) return nullptr;
  note_subject(result.get(), subject_);
  return value_of(result.get());
}

// An exception of ours leaves through the call.
void Question::leave(rpc::Call& call) noexcept {
  if (!abandon(call)) give_back_answer(peer_, call);
}

// Gives the call up, and tells the peer. False if the answer has come in this very instant.
bool Question::abandon(rpc::Call& call) noexcept {
  const bool waited = peer_.connection().forget(call);
  if (waited) peer_.send_cancel(seq_);
  return waited;
}

PyObject* take_outcome(Peer& peer, const rpc::Call& call) noexcept try {
  if (call.outcome() == rpc::Call::Outcome::kFailed) {
    raise_error(*call.error());
    return nullptr;
  }
  Reader in(call.body().bytes());
  if (call.outcome() == rpc::Call::Outcome::kReply) {
    PeerModel model(peer);
    auto value = dialect::rpyc::unbox(model, in, peer.limits().brine);
    if (value) return value->release();
    raise_codec_error(value.error(), "cannot read the answer");
    return nullptr;
  }
  PyModel model;
  const auto raw = wire::decode_brine(model, in, peer.limits().brine);
  if (!raw) {
    raise_codec_error(raw.error(), "cannot read the remote exception");
    return nullptr;
  }
  PyRef exception = PyRef::steal(PyObject_CallMethodOneArg(
      peer.owner_object(), peer.state().names.unbox_exc.get(), raw->get()));
  if (!exception) return nullptr;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
  return nullptr;
} catch (...) {
  raise_current();
  return nullptr;
}

void raise_dead(Peer& peer) noexcept {
  if (PyErr_Occurred() != nullptr) return;  // Ctrl-C in a stream of Python's
  const auto error = peer.connection().error();
  const char* const cause = error != nullptr ? error->what() : "closed";
  if (peer.is_replaceable()) {
    PyErr_Format(peer.state().stale_error.get(),
                 "this object belongs to a connection that has ended (%s): fetch it again from the "
                 "one that has taken its place",
                 cause);
  } else if (error == nullptr) {
    PyErr_SetString(PyExc_EOFError, "stream has been closed");
  } else {
    PyErr_Format(PyExc_EOFError, "stream has been closed: %s", cause);
  }
}

}  // namespace sinew::python
