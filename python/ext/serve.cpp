#include "serve.h"

#include "answer.h"
#include "async_result.h"
#include "errors.h"
#include "gil.h"
#include "give_back.h"
#include "job.h"
#include "overrides.h"
#include "peer.h"

// The dispatcher: work that a waiting thread found is done here, under the GIL, or handed to where
// the program wants it done.

namespace sinew::python {
namespace {

using dialect::rpyc::Extension;

// How deep requests are being served inside each other on this thread.
thread_local std::size_t serving_depth = 0;

// A release where `_handle_del` is the program's own.
void release_in_python(Peer& peer, const object::ObjectIdView& id, std::uint64_t count) noexcept {
  const PyRef object = peer.exported_object(id);
  if (!object) return;
  const PyRef done =
      PyRef::steal(PyObject_CallMethod(peer.owner_object(), "_handle_del", "OK", object.get(),
                                       static_cast<unsigned long long>(count)));
  if (!done) report_unraisable(peer.owner_object());
}

// A message of an extension that is no request. An id that we do not know, or a count beyond what
// was lent, harms nobody but the peer.
void serve_notice(Peer& peer, const rpc::Incoming& notice) noexcept {
  if (static_cast<Extension>(notice.seq) != Extension::kRelease) return;
  const auto served = dialect::rpyc::for_each_release(
      notice.body.bytes(), [&](const dialect::rpyc::ReleaseEntry& release) {
        if ((overridden(peer.owner()) & hook_bit(dialect::rpyc::Handler::kDel)) != 0) {
          release_in_python(peer, release.id, release.count);
        } else {
          static_cast<void>(peer.release_export(release.id, release.count));
        }
      });
  if (!served) peer.connection().fail(dialect::rpyc::bad_release());
}

}  // namespace

bool serve_here(Peer& peer, const rpc::Incoming& request, PyRef* coroutine) noexcept {
  // Greenlets share their thread: there it is Python's own limit that counts.
  if (peer.cooperator() != nullptr) return answer(peer, request, false);
  std::optional<dialect::rpyc::ServingBound> bound;
  if (peer.session().binds_threads()) {
    bound.emplace(&peer.session(),
                  dialect::rpyc::ThreadBinding{request.sender_thread, request.recipient_thread});
  }
  ++serving_depth;
  const bool stay = answer(peer, request, serving_depth > peer.limits().max_call_depth, coroutine);
  --serving_depth;
  return stay;
}

namespace {

// Whether this thread, whose wait found the request, is the one to serve it.
bool is_for_this_thread(Peer& peer, const rpc::WorkQueue& queue, const rpc::Incoming& request,
                        const Adopting* adopting) noexcept {
  if (request.on_behalf_of != rpc::Incoming::kNobody) {
    return request.on_behalf_of == queue.waits_for();
  }
  return adopting != nullptr && peer.adopts(request);
}

// Whether a thread is back from some work at once: releases, above all.
bool is_brief(Peer& peer, const rpc::Work& work) noexcept {
  if (work.completed != nullptr) return false;
  if (work.incoming.kind == rpc::Incoming::Kind::kNotice) return true;
  return peer.session().binds_threads() && work.incoming.kind == rpc::Incoming::Kind::kRequest &&
         runs_anywhere(peer, work.incoming);
}

// Where the program has said where requests run. False as above.
bool dispatch_elsewhere(Peer& peer, rpc::WorkQueue& queue, rpc::Incoming& request,
                        const Adopting* adopting) noexcept {
  if (is_for_this_thread(peer, queue, request, adopting) || runs_anywhere(peer, request)) {
    queue.begin();
    return serve_here(peer, request);
  }
  // Of a peer that does not say what it is part of: a callback, for all we know.
  if (const auto question = peer.adopting_question(request);
      question && queue.give(request, *question)) {
    return true;
  }
  hand_over(peer, std::move(request));
  queue.begin();
  return true;
}

}  // namespace

void Peer::dispatch(rpc::WorkQueue& queue) noexcept {
  if (interpreter_is_gone()) return queue.stop();
  const AdoptThread gil;
  const PyRef alive = PyRef::share(owner_object());  // the user's code may drop the connection
  Adopting* const adopting =
      dispatcher() != nullptr ? Adopting::of(*this, queue.waits_for()) : nullptr;
  if (adopting != nullptr) adopting->pause();
  while (auto work = queue.take()) {
    if (dispatcher() != nullptr && work->completed == nullptr &&
        work->incoming.kind == rpc::Incoming::Kind::kRequest) [[unlikely]] {
      if (!dispatch_elsewhere(*this, queue, work->incoming, adopting)) return queue.stop();
      continue;
    }
    queue.begin(is_brief(*this, *work));
    if (work->completed != nullptr) {
      announce_completion(*work->completed);
    } else if (work->incoming.kind == rpc::Incoming::Kind::kNotice) {
      serve_notice(*this, work->incoming);
    } else if (work->incoming.kind != rpc::Incoming::Kind::kRequest) {
      give_back(*this, work->incoming.kind, work->incoming.body);  // it came too late
    } else if (!serve_here(*this, work->incoming)) {
      return queue.stop();
    }
  }
  if (adopting == nullptr) return;
  adopting->resume();
  if (PyErr_Occurred() != nullptr) queue.stop();
}

}  // namespace sinew::python
