// Pool: many connections served by few Python threads. The server (utils/pool_server.py) starts the
// threads, each in run(), and says in admit(sock) how a socket becomes a connection.

#include "pool_object.h"

#include <fcntl.h>

#include <stdexcept>

#include "connection_object.h"
#include "errors.h"
#include "gil.h"
#include "io/fd.h"
#include "overrides.h"
#include "peer.h"
#include "server/pooled.h"

namespace sinew::python {
namespace {

struct PoolObject {
  PyObject ob_base;
  server::Pool* pool;  // null before __init__
  PyObject* admit;     // owned reference: admit(token) -> Connection or None
  PyObject* leave;     // owned reference: leave(token, connection or None)
  PyObject* spawn;     // owned reference: spawn(): have another thread call run()
};

PoolObject* self_of(PyObject* object) noexcept { return reinterpret_cast<PoolObject*>(object); }

// One connection of the pool. It is admitted when it is served for the first time, by a thread of
// the pool: a client that is slow to prove who it is holds up nobody else.
class PooledConnection final : public server::PoolClient {
 public:
  // Shares the pool's callbacks. With the GIL held.
  PooledConnection(io::Fd watched, PoolObject* pool, PyObject* token) noexcept
      : watched_(std::move(watched)),
        pool_(pool->pool),
        admit_(PyRef::share(pool->admit)),
        leave_(PyRef::share(pool->leave)),
        token_(PyRef::share(token)) {}

  ~PooledConnection() override {
    for (PyRef* held : {&admit_, &leave_, &token_, &connection_}) {
      if (*held) release_anywhere(held->release());
    }
  }

  void joined(std::uint64_t token) noexcept override { pool_token_ = token; }
  int descriptor() const noexcept override { return watched_.get(); }

  bool serve_available() noexcept override {
    if (interpreter_is_gone() || (!connection_ && !admit())) return false;
    Peer* const peer = peer_of_connection();
    if (peer == nullptr) return false;
    if (polls_) return serve_by_polling();
    const auto status = peer->connection().serve(Deadline::after(Duration::zero()),
                                                 /*once=*/false, /*wait_for_turn=*/false);
    if (status == rpc::WaitStatus::kInterrupted) return report();
    peer->connection().trim();
    return status != rpc::WaitStatus::kDead;
  }

  void gone() noexcept override {
    if (interpreter_is_gone()) return;
    const AdoptThread gil;
    if (Peer* const peer = connection_ ? peer_of_connection() : nullptr) {
      peer->set_on_messages_left(nullptr);
    }
    const PyRef done = PyRef::steal(PyObject_CallFunctionObjArgs(
        leave_.get(), token_.get(), connection_ ? connection_.get() : Py_None, nullptr));
    if (!done) report_unraisable(leave_.get());
    // Now, with the GIL: who destroys this may not have it, and would leave them for somebody else.
    for (PyRef* held : {&admit_, &leave_, &token_, &connection_}) *held = PyRef();
  }

 private:
  bool admit() noexcept {
    const AdoptThread gil;
    PyRef connection = PyRef::steal(PyObject_CallOneArg(admit_.get(), token_.get()));
    if (!connection) report_unraisable(admit_.get());
    if (!connection || connection.get() == Py_None) return false;
    connection_ = std::move(connection);
    auto* const object = reinterpret_cast<ConnectionObject*>(connection_.get());
    polls_ = (overridden(object) & kPollHooks) != 0;
    if (Peer* const peer = peer_of_connection()) {
      peer->set_on_messages_left([pool = pool_, token = pool_token_] { pool->serve_soon(token); });
    }
    return true;
  }

  Peer* peer_of_connection() const noexcept {
    return reinterpret_cast<ConnectionObject*>(connection_.get())->peer;
  }

  // Where the program has something to say about how messages are read. Whether the connection goes
  // on.
  bool serve_by_polling() noexcept {
    const AdoptThread gil;
    const PyRef connection = PyRef::share(connection_.get());
    const State& state = peer_of_connection()->state();
    while (true) {
      const PyRef served =
          PyRef::steal(PyObject_CallMethodNoArgs(connection.get(), state.names.poll.get()));
      const int truth = served ? PyObject_IsTrue(served.get()) : -1;
      if (truth == 0) return true;
      if (truth > 0) continue;
      if (PyErr_ExceptionMatches(PyExc_EOFError) == 0) return report();
      PyErr_Clear();
      return false;
    }
  }

  // A request raised something that is not for the peer (SystemExit): it ends the connection.
  bool report() noexcept {
    const AdoptThread gil;
    if (PyErr_Occurred() != nullptr) report_unraisable(connection_.get());
    return false;
  }

  // Our own: the connection closes its socket before it leaves the pool, and the number would
  // belong to another client by then.
  io::Fd watched_;
  server::Pool* const pool_;  // outlives this: it calls gone() before it goes
  std::uint64_t pool_token_ = 0;
  PyRef admit_;
  PyRef leave_;
  PyRef token_;
  PyRef connection_;    // empty until admitted
  bool polls_ = false;  // served by its poll(), which a method of the program has to do with
};

// ---------------------------------------------------------------------------------------------

// Throws when there is none to be had: the pool counts on those it gets. Ctrl-C may come before or
// after the thread has been started, which cannot be told: it counts as started, and pool_dealloc()
// knows better.
void ask_for_thread(PyObject* spawn) {
  if (interpreter_is_gone()) throw std::runtime_error("the interpreter ends");
  const AdoptThread gil;
  const PyRef done = PyRef::steal(PyObject_CallNoArgs(spawn));
  if (done) return;
  const bool interrupted = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) != 0;
  report_unraisable(spawn);
  if (interrupted) return;
  throw std::runtime_error("the server could not start a thread");
}

int pool_init(PyObject* object, PyObject* args, PyObject* /*kwargs*/) try {
  PoolObject* const self = self_of(object);
  Py_ssize_t max_threads = 0;
  PyObject* admit = nullptr;
  PyObject* leave = nullptr;
  PyObject* spawn = nullptr;
  if (PyArg_ParseTuple(args, "nOOO", &max_threads, &admit, &leave, &spawn) == 0) return -1;
  if (max_threads < 1 || self->pool != nullptr) {
    PyErr_SetString(PyExc_ValueError, "a pool is made once, with at least one thread");
    return -1;
  }
  self->admit = PyRef::share(admit).release();
  self->leave = PyRef::share(leave).release();
  self->spawn = PyRef::share(spawn).release();
  server::Pool::Options options;
  options.max_threads = static_cast<std::size_t>(max_threads);
  self->pool = new server::Pool(options, [spawn] { ask_for_thread(spawn); });
  return 0;
} catch (...) {
  raise_current();
  return -1;
}

server::Pool* pool_of(PyObject* object) noexcept {
  server::Pool* const pool = self_of(object)->pool;
  if (pool == nullptr) PyErr_SetString(PyExc_RuntimeError, "the pool was never set up");
  return pool;
}

PyObject* pool_add(PyObject* object, PyObject* args) try {
  server::Pool* const pool = pool_of(object);
  int descriptor = -1;
  PyObject* token = nullptr;
  if (pool == nullptr || PyArg_ParseTuple(args, "iO", &descriptor, &token) == 0) return nullptr;
  io::Fd watched(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
  if (!watched) return PyErr_SetFromErrno(PyExc_OSError);
  auto client = std::make_shared<PooledConnection>(std::move(watched), self_of(object), token);
  Result<void> added;
  {
    const AllowThreads unlocked;
    added = pool->add(std::move(client));
  }
  if (added) Py_RETURN_NONE;
  PyErr_Format(PyExc_OSError, "the pool takes no connection: %s", describe(added.error()).data());
  return nullptr;
} catch (...) {
  raise_current();
  return nullptr;
}

PyObject* pool_run(PyObject* object, PyObject* /*unused*/) {
  server::Pool* const pool = pool_of(object);
  if (pool == nullptr) return nullptr;
  {
    const AllowThreads unlocked;
    pool->run();
  }
  Py_RETURN_NONE;
}

PyObject* pool_close(PyObject* object, PyObject* /*unused*/) {
  server::Pool* const pool = pool_of(object);
  if (pool == nullptr) return nullptr;
  pool->close();
  Py_RETURN_NONE;
}

PyObject* pool_stop(PyObject* object, PyObject* timeout) {
  server::Pool* const pool = pool_of(object);
  const double seconds = PyFloat_AsDouble(timeout);
  if (pool == nullptr || (seconds == -1 && PyErr_Occurred() != nullptr)) return nullptr;
  bool stopped = false;
  {
    const AllowThreads unlocked;
    stopped = pool->stop(deadline_after(seconds));
  }
  return PyBool_FromLong(stopped);
}

PyObject* pool_counts(PyObject* object, PyObject* /*unused*/) {
  const server::Pool* const pool = pool_of(object);
  if (pool == nullptr) return nullptr;
  return Py_BuildValue("{s:n,s:n}", "connections", static_cast<Py_ssize_t>(pool->connections()),
                       "threads", static_cast<Py_ssize_t>(pool->threads()));
}

int pool_traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self_of(object)->admit);
  Py_VISIT(self_of(object)->leave);
  Py_VISIT(self_of(object)->spawn);
  return 0;
}

// The pool holds its callbacks for as long as a thread may be inside: a thread in run(), or on its
// way there, holds a reference on this object. So there is none now.
void pool_dealloc(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (server::Pool* const pool = std::exchange(self_of(object)->pool, nullptr)) {
    const AllowThreads unlocked;
    pool->count_out_all();
    delete pool;
  }
  Py_CLEAR(self_of(object)->admit);
  Py_CLEAR(self_of(object)->leave);
  Py_CLEAR(self_of(object)->spawn);
  type->tp_free(object);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"add", pool_add, METH_VARARGS,
     "add(descriptor, token): takes a socket in; token is what admit() and leave() get."},
    {"run", pool_run, METH_NOARGS, "Serves connections in this thread until it is not needed."},
    {"close", pool_close, METH_NOARGS, "Refuses new connections and has all threads leave."},
    {"stop", pool_stop, METH_O,
     "stop(timeout): waits until all threads have left; False if some are still serving."},
    {"counts", pool_counts, METH_NOARGS, "How many connections and threads there are."},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>("Pool(max_threads, admit, leave, spawn): many connections, few "
                                  "threads.")},
    {Py_tp_init, reinterpret_cast<void*>(pool_init)},
    {Py_tp_dealloc, reinterpret_cast<void*>(pool_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(pool_traverse)},
    {Py_tp_methods, methods},
    {0, nullptr}};

PyType_Spec spec = {"sinew._sinew.Pool", sizeof(PoolObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

}  // namespace

bool init_pool_type(State& state, PyObject* module) noexcept {
  state.pool_type = PyRef::steal(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return state.pool_type && PyModule_AddObjectRef(module, "Pool", state.pool_type.get()) == 0;
}

}  // namespace sinew::python
