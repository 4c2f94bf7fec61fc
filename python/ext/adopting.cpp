#include "job.h"

#include <utility>
#include <vector>

#include "dialect/rpyc/extensions.h"
#include "job_object.h"

// Callbacks to a thread of the dispatcher that waits on the dispatcher's own connection.

namespace sinew::python {
namespace {

// Whether a thread that waits for the answer to `question` is to serve that.
bool belongs_to(Peer& peer, const rpc::Incoming& request, std::int64_t question) noexcept {
  return request.on_behalf_of == question || peer.adopts(request);
}

thread_local Adopting* innermost_adopting = nullptr;

}  // namespace

void Peer::adopt_for(std::int64_t question) noexcept try {
  adopting_.push_back(question);
} catch (...) {
  // Out of memory: such requests wait for the dispatcher.
}

void Peer::stop_adopting(std::int64_t question) noexcept { std::erase(adopting_, question); }

bool Peer::adopts(const rpc::Incoming& request) const noexcept {
  return request.on_behalf_of == rpc::Incoming::kNobody &&
         !session_.agrees_on(dialect::rpyc::Extension::kAffinity) &&
         (dispatcher()->serial != 0 || dispatcher()->full != 0);
}

std::optional<std::int64_t> Peer::adopting_question(const rpc::Incoming& request) const noexcept {
  if (adopting_.empty() || !adopts(request)) return std::nullopt;
  return adopting_.back();
}

Adopting::Adopting(Peer& peer, rpc::Call& question) noexcept
    : peer_(peer.dispatcher() != nullptr && is_on(peer.dispatcher()) ? &peer : nullptr),
      question_(question) {
  if (peer_ == nullptr) [[likely]]
    return;
  outer_ = std::exchange(innermost_adopting, this);
  resume();
}

Adopting::~Adopting() {
  if (peer_ == nullptr) return;
  pause();
  innermost_adopting = outer_;
}

void Adopting::pause() noexcept { peer_->stop_adopting(question_.seq()); }

// Under the GIL since the last look at what waits, so that nothing comes between.
void Adopting::resume() noexcept {
  run_what_waits();
  peer_->connection().expect_wait(question_);
  peer_->adopt_for(question_.seq());
}

Adopting* Adopting::of(const Peer& peer, std::int64_t question) noexcept {
  Adopting* const here = innermost_adopting;
  return here != nullptr && here->peer_ == &peer && here->question_.seq() == question ? here
                                                                                      : nullptr;
}

void Adopting::run_what_waits() noexcept {
  bool any = true;
  while (any && PyErr_Occurred() == nullptr) {
    any = false;
    const auto end = jobs().upper_bound({peer_->serial(), INT64_MAX});
    for (auto job = jobs().lower_bound({peer_->serial(), INT64_MIN}); job != end; ++job) {
      JobObject* const self = job->second;
      if (self->stage != JobStage::kWaiting || self->is_farewell ||
          !belongs_to(*peer_, self->request, question_.seq())) {
        continue;
      }
      const PyRef alive = PyRef::share(object_of(self));
      run(self);  // the table may be another one now
      any = true;
      break;
    }
  }
}

}  // namespace sinew::python
