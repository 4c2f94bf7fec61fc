#include "answer.h"

#include <fmt/format.h>

#include "canceller.h"
#include "compat.h"
#include "errors.h"
#include "gil.h"
#include "give_back.h"
#include "handlers.h"
#include "messages.h"
#include "overrides.h"
#include "request_body.h"
#include "serving.h"
#include "wire/rpyc_frame.h"

namespace sinew::python {
namespace {

using dialect::rpyc::Handler;
using dialect::rpyc::ItemReader;

// All arguments as a tuple, for handlers that are Python functions.
PyRef read_all(Peer& peer, ItemReader& arguments) noexcept {
  PeerModel model(peer);
  PyModel::TupleBuilder builder = model.begin_tuple(arguments.remaining());
  while (arguments.remaining() > 0) {
    auto item = arguments.next(model, peer.limits().brine);
    if (!item) {
      raise_codec_error(item.error(), "cannot read an argument of the request");
      return {};
    }
    builder.add(*std::move(item));
  }
  return model.end_tuple(std::move(builder));
}

// A handler that the user put in our place: called with the connection and the arguments.
PyRef serve_override(Peer& peer, PyObject* function, ItemReader& arguments) noexcept {
  const PyRef owned = PyRef::share(function);
  const PyRef values = read_all(peer, arguments);
  if (!values) return {};
  const PyRef self = PyRef::steal(PyTuple_Pack(1, peer.owner_object()));
  const PyRef all = self ? PyRef::steal(PySequence_Concat(self.get(), values.get())) : PyRef();
  return all ? PyRef::steal(PyObject_CallObject(function, all.get())) : PyRef();
}

PyRef serve_in_python(Peer& peer, PyObject* handler, ItemReader& arguments) noexcept {
  const PyRef values = read_all(peer, arguments);
  if (!values) return {};
  return PyRef::steal(PyObject_CallMethodObjArgs(
      peer.owner_object(), peer.state().names.serve_request.get(), handler, values.get(), nullptr));
}

struct Served {
  PyRef result;         // empty with an exception set: that is the answer
  bool silent = false;  // no answer at all
};

PyRef serve_request(Peer& peer, std::int64_t code, ItemReader& arguments) noexcept {
  if (PyObject* const function = peer.override_of(code)) {
    return serve_override(peer, function, arguments);
  }
  const bool is_taken = (overridden(peer.owner()) & hooks_of(code)) != 0;
  const HandlerFunction function = is_taken ? nullptr : handler_function(code);
  if (function != nullptr) return function(peer, arguments);
  const PyRef number = PyRef::steal(PyLong_FromLongLong(code));
  return number ? serve_in_python(peer, number.get(), arguments) : PyRef();
}

// Whether a request may be refused. What gives a reference back, or says that the end has come, has
// its effect whoever waits for its answer.
bool may_be_refused(const rpc::Incoming& request) noexcept {
  const auto code = code_of(request);
  return code != static_cast<std::int64_t>(Handler::kDel) &&
         code != static_cast<std::int64_t>(Handler::kClose);
}

// Sets an exception if the request is not to be served: it is nested too deep, or nobody waits for
// its answer any more.
bool is_refused(Peer& peer, const rpc::Incoming& request, bool too_deep) noexcept {
  if (too_deep) [[unlikely]] {
    raise_limit("max_call_depth",
                "requests are nested inside each other deeper than max_call_depth");
  } else if (peer.session().may_cancel() &&
             Canceller::get().was_cancelled(peer.serial(), request.seq)) [[unlikely]] {
    PyErr_SetString(peer.state().cancelled_error.get(), "cancelled before it was started");
  } else if (request.deadline.passed()) [[unlikely]] {
    PyErr_SetString(PyExc_TimeoutError, "the deadline passed before the call was started");
  } else {
    return false;
  }
  if (may_be_refused(request)) return true;
  PyErr_Clear();
  return false;
}

Served serve(Peer& peer, const rpc::Incoming& request) noexcept try {
  Reader in(request.body.bytes());
  if (const auto header = wire::read_tuple_header_of(in, 2); !header) {
    raise_codec_error(header.error(), "cannot read the request");
    return {};
  }
  if (!wire::next_is_int(in)) {
    // Any value may stand here; none but our numbers is served.
    PyModel model;
    const auto code = wire::decode_brine(model, in, peer.limits().brine);
    give_back_box(peer, in);
    code ? PyErr_SetObject(PyExc_KeyError, code->get())
         : raise_codec_error(code.error(), "cannot read the request's code");
    return {};
  }
  const auto code = wire::read_int(in);
  const Reader box = in;
  auto arguments = code ? ItemReader::of_box(in) : Result<ItemReader>(fail(code.error()));
  if (!arguments) {
    raise_codec_error(arguments.error(), "cannot read the request's arguments");
    give_back_rest(peer, box, in);
    return {};
  }
  if (*code == static_cast<std::int64_t>(Handler::kClose) && peer.override_of(*code) == nullptr &&
      (overridden(peer.owner()) & hooks_of(*code)) == 0) {
    const PyRef closed = PyRef::steal(
        PyObject_CallMethodNoArgs(peer.owner_object(), peer.state().names.closed_by_peer.get()));
    if (!closed) report_unraisable(peer.owner_object());
    return {.result = {}, .silent = true};
  }
  Served served{.result = serve_request(peer, *code, *arguments)};
  give_back_rest(peer, box, in);  // what makes no sense, or is too much of it
  return served;
} catch (...) {
  raise_current();
  return {};
}

// False with an exception set when the result has no form on the wire.
bool write_result(Peer& peer, std::int64_t seq, PyObject* result, Writer& out) noexcept try {
  const std::size_t start = wire::begin_frame(out);
  peer.begin_message(out, wire::MessageKind::kReply, seq);
  PeerModel model(peer);
  auto written = dialect::rpyc::box(model, result, out, peer.limits().brine);
  if (written) written = wire::end_frame(out, start);
  if (written) return true;
  model.undo_exports();
  raise_codec_error(written.error(), "cannot send the result");
  return false;
} catch (...) {
  raise_current();
  return false;
}

// What stands for an exception that itself cannot be put on the wire.
void write_plain_exception(Writer& out) {
  wire::write_tuple_header(out, 4);
  wire::write_tuple_header(out, 2);
  wire::write_text(out, "builtins");
  wire::write_text(out, "RuntimeError");
  wire::write_tuple_header(out, 1);
  wire::write_text(out, "an exception was raised that cannot be sent");
  wire::write_tuple_header(out, 0);
  wire::write_text(out, "<traceback denied>\n");
}

void write_exception(Peer& peer, std::int64_t seq, PyObject* dumped, Writer& out) noexcept try {
  const std::size_t start = wire::begin_frame(out);
  peer.begin_message(out, wire::MessageKind::kException, seq);
  const Writer::Mark mark = out.mark();
  PyModel model;
  if (dumped == nullptr || !wire::encode_brine(model, dumped, out, peer.limits().brine)) {
    PyErr_Clear();
    out.rewind(mark);
    write_plain_exception(out);
  }
  static_cast<void>(wire::end_frame(out, start));
} catch (...) {
  out.clear();  // out of memory: the caller at the other side will time out
}

}  // namespace

bool answer_with_error(Peer& peer, std::int64_t seq) noexcept {
  PyRef exception = take_exception();
  if (!exception) {
    PyErr_SetString(PyExc_SystemError, "a request failed without an exception");
    exception = take_exception();
  }
  const PyRef traceback = PyRef::steal(PyException_GetTraceback(exception.get()));
  // Logs it, keeps it for pm(), and returns its form on the wire, or None to have it raised here.
  const PyRef dumped = PyRef::steal(
      PyObject_CallMethodObjArgs(peer.owner_object(), peer.state().names.answer_error.get(),
                                 reinterpret_cast<PyObject*>(Py_TYPE(exception.get())),
                                 exception.get(), traceback ? traceback.get() : Py_None, nullptr));
  if (!dumped) PyErr_Clear();
  if (dumped.get() == Py_None) {
    restore_exception(std::move(exception));
    return false;
  }
  Writer out;
  write_exception(peer, seq, dumped.get(), out);
  return send_answer(peer, out);
}

bool answer_with(Peer& peer, std::int64_t seq, PyObject* value) noexcept {
  Writer out;
  return write_result(peer, seq, value, out) ? send_answer(peer, out)
                                             : answer_with_error(peer, seq);
}

namespace {

// This thread is not the peer's alone: who does not read must not hold up the others. `left`: bytes
// that the peer had not read before this answer.
void leave_to_caretaker(Peer& peer, std::uint64_t left) noexcept try {
  if (left <= peer.limits().max_unsent_bytes) return peer.connection().flush();
  peer.connection().fail(Error(
      Error::Kind::kOverloaded,
      fmt::format("the peer does not read: {} bytes are left to be sent (max_unsent_bytes) ({})",
                  left, peer.connection().stream().describe())));
} catch (...) {
  peer.connection().flush();  // out of memory: next time
}

}  // namespace

bool send_answer(Peer& peer, const Writer& out) noexcept {
  release_deferred();
  peer.send_releases();
  const std::uint64_t left = peer.connection().unsent();
  const auto sent = peer.connection().send_answer(out);
  if (!sent || *sent) return true;
  const AllowThreads unlocked;
  if (peer.cooperator() != nullptr || peer.dispatcher() != nullptr) {
    leave_to_caretaker(peer, left);
    return true;
  }
  return peer.connection().drain(Deadline::never()) != rpc::WaitStatus::kInterrupted;
}

bool answer(Peer& peer, const rpc::Incoming& request, bool too_deep, PyRef* coroutine) noexcept {
  Served served;
  if (is_refused(peer, request, too_deep)) [[unlikely]] {
    give_back_box(peer, arguments_of(request));  // nobody makes proxies of what it names
  } else if (peer.cooperator() != nullptr) {
    served = serve(peer, request);  // on the stack of a greenlet, which nothing can point to
  } else {
    const Serving serving(peer, request);
    if ((overridden(peer.owner()) & kMessageHooks) != 0) return dispatch_in_python(peer, request);
    served = serve(peer, request);
  }
  if (served.silent) return true;
  if (!served.result) return answer_with_error(peer, request.seq);
  if (coroutine != nullptr && PyCoro_CheckExact(served.result.get()) != 0) {
    *coroutine = std::move(served.result);
    return true;
  }
  return answer_with(peer, request.seq, served.result.get());
}

}  // namespace sinew::python
