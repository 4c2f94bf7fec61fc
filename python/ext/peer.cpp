#include "peer.h"

#include <algorithm>
#include <atomic>

#include <sys/eventfd.h>
#include <unistd.h>

#include <string>

#include "base/per_process.h"
#include "canceller.h"
#include "errors.h"
#include "gil.h"
#include "serving.h"

namespace sinew::python {
namespace {

std::atomic<std::uint64_t> next_serial{1};

// The value of a key, or empty: with no exception set when there is none. Values are not looked up
// as PyDict_GetItem() does: the mapping knows the defaults of what is missing.
PyRef option(PyObject* config, const char* key) noexcept {
  const PyRef name = PyRef::steal(PyUnicode_FromString(key));
  PyRef value = name ? PyRef::steal(PyObject_GetItem(config, name.get())) : PyRef();
  if (!value && PyErr_ExceptionMatches(PyExc_KeyError)) PyErr_Clear();
  return value;
}

// One flag of the config; absent counts as no. False with an exception set on failure.
bool read_flag(PyObject* config, const char* key, bool& into) noexcept {
  const PyRef value = option(config, key);
  const int truth = value ? PyObject_IsTrue(value.get()) : PyErr_Occurred() != nullptr ? -1 : 0;
  into = truth > 0;
  return truth >= 0;
}

bool read_prefix(PyObject* config, std::string& into) {
  const PyRef value = option(config, "exposed_prefix");
  if (!value) return PyErr_Occurred() == nullptr;
  into.clear();
  if (value.get() == Py_None) return true;
  const char* const text = PyUnicode_AsUTF8(value.get());
  if (text != nullptr) into = text;
  if (text == nullptr) name_key("exposed_prefix");
  return text != nullptr;
}

bool read_timeout(PyObject* config, Settings& into) noexcept {
  const PyRef value = option(config, "sync_request_timeout");
  if (!value) return PyErr_Occurred() == nullptr;
  into.has_timeout = value.get() != Py_None;
  if (!into.has_timeout) return true;
  into.timeout_seconds = PyFloat_AsDouble(value.get());
  if (into.timeout_seconds != -1.0 || PyErr_Occurred() == nullptr) return true;
  name_key("sync_request_timeout");
  return false;
}

// False with an exception set. Runs code of the program where a value is an object of its own.
bool read_all(PyObject* config, Settings& into) {
  object::AccessPolicy& policy = into.policy;
  if (!read_flag(config, "allow_safe_attrs", policy.allow_safe_attrs) ||
      !read_flag(config, "allow_exposed_attrs", policy.allow_exposed_attrs) ||
      !read_flag(config, "allow_public_attrs", policy.allow_public_attrs) ||
      !read_flag(config, "allow_all_attrs", policy.allow_all_attrs) ||
      !read_flag(config, "allow_getattr", policy.allow_getattr) ||
      !read_flag(config, "allow_setattr", policy.allow_setattr) ||
      !read_flag(config, "allow_delattr", policy.allow_delattr) ||
      !read_prefix(config, policy.exposed_prefix) || !read_timeout(config, into)) {
    return false;
  }
  into.safe_attrs = option(config, "safe_attrs");
  if (!into.safe_attrs && PyErr_Occurred() != nullptr) return false;
  into.prefix = PyRef::steal(PyUnicode_FromString(policy.exposed_prefix.c_str()));
  into.prefixed_names = PyRef::steal(PyDict_New());
  return into.prefix && into.prefixed_names;
}

std::atomic<unsigned> forks{0};
const AfterFork count_forks([] { forks.fetch_add(1, std::memory_order_relaxed); });

// Known by heart, because it is asked for each wait; a child process has another main thread.
bool is_main_thread() noexcept {
  struct Known {
    unsigned as_of;
    bool is_main;
  };
  static thread_local Known known{~0U, false};
  const unsigned now = forks.load(std::memory_order_relaxed);
  if (known.as_of != now) known = {now, ::gettid() == ::getpid()};
  return known.is_main;
}

}  // namespace

Deadline Settings::deadline() const noexcept {
  return has_timeout ? deadline_after(timeout_seconds) : Deadline::never();
}

Peer::Peer(ConnectionObject* owner, std::unique_ptr<io::Stream> stream,
           const dialect::rpyc::SessionOptions& session_options, const PeerLimits& limits,
           const rpc::Limits& rpc_limits)
    : Peer(owner, std::move(stream), std::make_unique<dialect::rpyc::RpycSession>(session_options),
           limits, rpc_limits) {}

Peer::Peer(ConnectionObject* owner, std::unique_ptr<io::Stream> stream,
           std::unique_ptr<dialect::rpyc::RpycSession> session, const PeerLimits& limits,
           const rpc::Limits& rpc_limits)
    : owner_(owner),
      serial_(next_serial.fetch_add(1, std::memory_order_relaxed)),
      limits_(limits),
      session_(*session),
      exports_(limits.max_exports),
      connection_(std::move(stream), std::move(session), *this, rpc_limits) {}

Peer::~Peer() { clear_tables(); }

const Settings* Peer::settings() noexcept {
  if (settings_read_ == settings_changes_ || read_settings()) return &settings_;
  return nullptr;
}

bool Peer::read_settings() noexcept try {
  // A change that comes meanwhile, from another thread or from a value that is read, must not be
  // lost: what is read then counts as that of before it.
  const std::uint64_t change = settings_changes_;
  const PyRef config = PyRef::share(owner_->config);
  if (!config) {
    PyErr_SetString(PyExc_RuntimeError, "the connection is being destroyed");
    return false;
  }
  Settings fresh;
  if (!read_all(config.get(), fresh)) return false;
  std::swap(settings_, fresh);  // the old ones go last: that may run anything
  settings_read_ = change;
  return true;
} catch (...) {
  raise_current();
  return false;
}

wire::Family Peer::family() noexcept {
  if (session_.should_listen()) [[unlikely]] {
    constexpr auto kMoment = std::chrono::milliseconds(100);
    const AllowThreads unlocked;
    connection_.listen(Deadline::after(cooperator_ ? Duration::zero() : Duration(kMoment)));
    session_.stop_listening();
  }
  if (!session_.has_heard()) session_.note_spoken();
  return session_.family();
}

PyObject* Peer::override_of(std::int64_t handler) const noexcept {
  const auto index = static_cast<std::size_t>(handler);
  return index < overrides_.size() ? overrides_[index].get() : nullptr;
}

void Peer::set_override(std::int64_t handler, PyObject* function) noexcept {
  const auto index = static_cast<std::size_t>(handler);
  if (index < overrides_.size()) overrides_[index] = PyRef::share(function);
}

void Peer::clear_tables() noexcept {
  // Each is moved out before anything is let go of: a destructor may come back here.
  const std::vector<PyRef> exported = exports_.clear();
  kept_.clear();
  classes_.clear_types();
  for (PyRef& handler : overrides_) handler = PyRef();
}

int Peer::traverse(visitproc visit, void* arg) noexcept {
  Py_VISIT(settings_.safe_attrs.get());
  Py_VISIT(settings_.prefixed_names.get());
  Py_VISIT(cooperator_.get());
  Py_VISIT(dispatcher_.get());
  for (const PyRef& handler : overrides_) Py_VISIT(handler.get());
  if (const int result = exports_.for_each([&](const PyRef& object) {
        Py_VISIT(object.get());
        return 0;
      })) {
    return result;
  }
  return classes_.traverse(visit, arg);
}

bool Peer::poll_briefly(rpc::Call& call, Deadline deadline) noexcept {
  const Duration patience = std::min(patience_.take(), deadline.remaining());
  const bool done = connection_.poll_briefly(call, patience);
  if (patience != Duration::zero()) patience_.note_answer(done);
  return done;
}

void Peer::set_on_messages_left(std::function<void()> function) {
  const std::scoped_lock lock(on_messages_left_mutex_);
  on_messages_left_.swap(function);
}

void Peer::messages_left() noexcept {
  const std::scoped_lock lock(on_messages_left_mutex_);
  if (on_messages_left_) on_messages_left_();
  if (wakeup_ >= 0) static_cast<void>(::eventfd_write(wakeup_, 1));
}

void Peer::set_wakeup(int descriptor) noexcept {
  const std::scoped_lock lock(on_messages_left_mutex_);
  wakeup_ = descriptor;
}

void Peer::cancel(std::int64_t seq) noexcept { Canceller::get().cancel(serial_, seq); }

void Peer::send_cancel(std::int64_t seq) noexcept try {
  if (!session_.may_cancel() || connection_.is_dead()) return;
  Writer out;
  dialect::rpyc::write_cancel(out, session_.family(), seq);
  constexpr auto kSoon = std::chrono::milliseconds(5);
  if (const auto sent = connection_.send_now(out); sent && !*sent) connection_.flush_within(kSoon);
} catch (...) {
  // Out of memory: the peer works on for nothing.
}

// Python runs signal handlers on the main thread only. A cancellation does not interrupt a wait
// either, whatever thread it is.
bool Peer::handles_signals() const noexcept {
  const Serving* const serving = Serving::innermost();
  return is_main_thread() || (serving != nullptr && serving->may_be_cancelled());
}

bool Peer::interrupted() noexcept {
  if (interpreter_is_gone()) return true;
  Serving* const serving = Serving::innermost();
  const AdoptThread gil;
  if (serving != nullptr && serving->is_cancelled() && PyErr_Occurred() == nullptr) {
    serving->raise();
  }
  // The exception stays set for the waiting call to return with.
  return PyErr_Occurred() != nullptr || PyErr_CheckSignals() != 0;
}

bool PeerModel::is_import(PyObject* object) const noexcept {
  return is_netref(peer_.state(), object) && as_netref(object)->connection == peer_.owner();
}

void PeerModel::write_import_id(PyObject* object, Writer& out) const {
  const Netref* const netref = as_netref(object);
  netref->remote_class->write_id(out, netref->instance_id);
}

}  // namespace sinew::python
