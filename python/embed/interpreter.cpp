#include <sys/socket.h>

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "api/peer.h"
#include "api/signals.h"
#include "base/parker.h"
#include "embed/offered.h"
#include "embed/start.h"
#include "ext/gil.h"
#include "io/fd.h"
#include "io/socket_stream.h"
#include "sinew/python.hpp"

// Design notes.
//   Between the program and its interpreter are pairs of sockets and nothing else: the extension
//   module has an engine of its own, with its own tables, threads and statics, none of whose
//   symbols can be seen from here, nor ours from there. What is called with the GIL held are the
//   methods of `sinew.embedded.Embedding`, which wait for nobody but wait(). Lock order:
//   State::mutex, then the GIL.

namespace sinew::python {
namespace {

enum class Phase : std::uint8_t { kNone, kHere, kEnded };

constexpr std::size_t kMostThreads = 1000;  // of an object that is offered

/// Of this process.
std::atomic<Phase> phase{Phase::kNone};

std::array<io::Fd, 2> socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw Error(Error::Kind::kOverloaded, "no descriptors are left for a pair of sockets");
  }
  return {io::Fd(ends[0]), io::Fd(ends[1])};
}

void put(PyObject* dict, const char* name, PyObject* made) {
  const PyRef value = PyRef::steal(made);
  if (!value || PyDict_SetItemString(dict, name, value.get()) != 0) throw_raised();
}
void put(PyObject* dict, const char* name, std::size_t number) {
  put(dict, name, PyLong_FromSize_t(number));
}
// Zero stands for none.
void put(PyObject* dict, const char* name, std::chrono::nanoseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  put(dict, name,
      time.count() == 0 ? PyRef::share(Py_None).release() : PyFloat_FromDouble(seconds));
}
void put(PyObject* dict, const char* name, const std::string& path) {
  if (!path.empty()) put(dict, name, PyUnicode_DecodeFSDefault(path.c_str()));
}

/// What `sinew.start_server` calls the same.
PyRef server_options(std::string_view uri, const ServerOptions& options) {
  PyRef made = PyRef::steal(PyDict_New());
  const PyRef config = PyRef::steal(PyDict_New());
  if (!made || !config) throw_raised();
  put(config.get(), "max_connections", options.max_connections);
  put(config.get(), "max_frame_size", options.max_frame_size);
  put(config.get(), "max_inflated_size", options.max_inflated_size);
  put(config.get(), "max_depth", options.max_depth);
  put(config.get(), "max_exports", options.max_exports);
  put(config.get(), "max_pending_calls", options.max_pending_calls);
  put(config.get(), "max_call_depth", options.max_call_depth);
  put(config.get(), "max_chunk_items", options.max_chunk_items);
  put(config.get(), "max_bad_ids", options.max_bad_ids);
  put(config.get(), "heartbeat", options.heartbeat);
  put(config.get(), "frame_timeout", options.frame_timeout);
  put(config.get(), "first_frame_timeout", options.first_message_timeout);
  put(config.get(), "sync_request_timeout", options.call_timeout);
  put(made.get(), "protocol_config", PyRef::share(config.get()).release());
  put(made.get(), "certfile", options.certificate);
  put(made.get(), "keyfile", options.private_key);
  put(made.get(), "cafile", options.ca_file);
  if (!options.token_file.empty()) {
    put(made.get(), "token_file", options.token_file);
  } else if (options.token) {
    put(made.get(), "token",
        PyUnicode_FromStringAndSize(options.token->data(),
                                    static_cast<Py_ssize_t>(options.token->size())));
  }
  if (uri.starts_with("tls:")) put(made.get(), "handshake_timeout", options.handshake_timeout);
  return made;
}

}  // namespace

struct Interpreter::State {
  explicit State(const InterpreterOptions& its_options);

  /// Calls a method of the embedding. The arguments as Py_BuildValue takes them.
  template <class... Args>
  PyRef call(const char* method, const char* format, Args... args) const {
    PyRef result =
        PyRef::steal(PyObject_CallMethod(embedding.get(), method, format, std::move(args)...));
    if (!result) throw_raised();
    return result;
  }

  void demand_no_gil() const {
    if (PyGILState_Check() == 0) return;
    throw Error(Error::Kind::kFailed, "this thread holds the GIL, for which Python would wait");
  }
  void demand_open() const {
    if (stopped) throw Error(Error::Kind::kFailed, "the Interpreter was stopped");
  }

  const InterpreterOptions options;
  const std::thread::id maker = std::this_thread::get_id();
  const bool joined = Py_IsInitialized() != 0;
  std::unique_ptr<AllowThreads> released;  // the maker's GIL, if this has started Python

  std::mutex mutex;
  PyRef embedding;                                      // guarded by the GIL
  std::vector<std::unique_ptr<OfferedObject>> offered;  // guarded by mutex
  std::atomic<bool> stopped{false};                     // written under mutex
  Parker waiting;                                       // in run()
};

Interpreter::State::State(const InterpreterOptions& its_options) : options(its_options) {
  if (joined) {
    const AdoptThread gil;
    embedding = make_embedding();
    return;
  }
  start_python(options);
  try {
    embedding = make_embedding();
  } catch (...) {
    end_python();
    throw;
  }
  released = std::make_unique<AllowThreads>();
}

Interpreter::Interpreter(const InterpreterOptions& options) {
  Phase none = Phase::kNone;
  if (!phase.compare_exchange_strong(none, Phase::kHere)) {
    throw none == Phase::kHere
        ? Error(Error::Kind::kFailed, "this process has an Interpreter already")
        : Error(Error::Kind::kUnsupported, "the interpreter of this process has ended");
  }
  try {
    state_ = std::make_unique<State>(options);
  } catch (...) {
    phase.store(Phase::kNone);
    throw;
  }
}

// Whose GIL is left behind here is left to the end of the process: nobody may take it on a thread
// that does not give it back.
Interpreter::~Interpreter() {
  bool quiet = false;
  try {
    quiet = stop();
  } catch (...) {  // out of memory
  }
  const bool ends = quiet && !state_->joined && state_->maker == std::this_thread::get_id();
  if (!ends) {
    {
      const AdoptThread gil;
      state_->embedding = {};
    }
    static_cast<void>(state_->released.release());
    phase.store(Phase::kNone);
    return;
  }
  state_->released.reset();
  state_->embedding = {};
  end_python();
  phase.store(Phase::kEnded);
}

Connection Interpreter::connect() const {
  Options options;
  options.call_timeout = options.heartbeat = options.frame_timeout = {};
  return connect(options);
}

Connection Interpreter::connect(const Options& options) const {
  state_->demand_no_gil();
  auto [ours, theirs] = socket_pair();
  auto stream = std::make_unique<io::SocketStream>(std::move(ours));
  {
    const std::scoped_lock lock(state_->mutex);
    state_->demand_open();
    const AdoptThread gil;
    state_->call("connect", "(i)", theirs.release());
  }
  return Connection(detail::Peer::make(std::move(stream), options));
}

void Interpreter::offer(std::string_view name, const Object& object, const OfferOptions& options) {
  state_->demand_no_gil();
  if (options.threads > kMostThreads) {
    throw Error(Error::Kind::kFailed,
                fmt::format("an object is offered with {} threads at most", kMostThreads));
  }
  auto [ours, theirs] = socket_pair();
  const std::scoped_lock lock(state_->mutex);
  state_->demand_open();
  auto made = std::make_unique<OfferedObject>(std::move(ours), object, options.threads);
  {
    const AdoptThread gil;
    const PyRef text = PyRef::steal(
        PyUnicode_DecodeUTF8(name.data(), static_cast<Py_ssize_t>(name.size()), nullptr));
    if (!text) throw_raised();  // before the descriptor is Python's
    state_->call("offer", "(Oi)", text.get(), theirs.release());
  }
  state_->offered.push_back(std::move(made));
}

std::string Interpreter::serve(std::string_view uri, const ServerOptions& options) {
  state_->demand_no_gil();
  if (options.kind != ServerOptions::Kind::kThreaded || options.authenticator) {
    throw Error(Error::Kind::kUnsupported,
                "an interpreter is served with a thread for each client, and without an "
                "authenticator");
  }
  const std::scoped_lock lock(state_->mutex);
  state_->demand_open();
  const AdoptThread gil;
  const PyRef made = server_options(uri, options);
  const PyRef insecure = PyRef::steal(PyBool_FromLong(options.insecure ? 1 : 0));
  const PyRef address =
      state_->call("serve", "(s#OO)", uri.data(), static_cast<Py_ssize_t>(uri.size()),
                   insecure.get(), made.get());
  return text_of(address.get());
}

bool Interpreter::run() {
  {
    const detail::SignalWatch watch([this] {
      state_->stopped.store(true);
      state_->waiting.wake();
    });
    while (!state_->stopped.load()) {
      static_cast<void>(state_->waiting.park(Deadline::never()));
    }
  }
  return stop();
}

// Without the lock where it waits: a function of the program's that Python has called may be here.
bool Interpreter::stop() {
  state_->demand_no_gil();
  if (OfferedObject::is_called_here()) {
    throw Error(Error::Kind::kFailed,
                "stop() waits for the functions that Python has called, and this is one: call it "
                "on another thread");
  }
  std::vector<std::unique_ptr<OfferedObject>> ending;
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopped.store(true);
    state_->waiting.wake();
    const AdoptThread gil;
    state_->call("close", nullptr);
    ending.swap(state_->offered);
  }
  ending.clear();
  const AdoptThread gil;
  const double seconds = std::chrono::duration<double>(state_->options.drain_time).count();
  const PyRef left = state_->call("wait", "(d)", seconds);
  return text_of(left.get()).empty();
}

}  // namespace sinew::python
