// The requests that are served in C++ (docs/protocols/rpyc.md section 2.6 says what each does). The
// rare ones are in Python, core/protocol.py.

#include "handlers.h"

#include <algorithm>
#include <array>

#include "access.h"
#include "call_arguments.h"
#include "errors.h"

namespace sinew::python {
namespace {

using dialect::rpyc::Handler;
using dialect::rpyc::ItemReader;

// The next argument, or empty with an exception set.
PyRef next(Peer& peer, ItemReader& arguments) noexcept {
  if (arguments.remaining() == 0) {
    PyErr_SetString(PyExc_TypeError, "the request has too few arguments");
    return {};
  }
  PeerModel model(peer);
  auto value = arguments.next(model, peer.limits().brine);
  if (value) return *std::move(value);
  raise_codec_error(value.error(), "cannot read an argument of the request");
  return {};
}

bool no_more(const ItemReader& arguments) noexcept {
  if (arguments.remaining() == 0) return true;
  PyErr_SetString(PyExc_TypeError, "the request has too many arguments");
  return false;
}

PyRef none() noexcept { return PyRef::share(Py_None); }

PyRef serve_ping(Peer& peer, ItemReader& arguments) { return next(peer, arguments); }

PyRef serve_get_root(Peer& peer, ItemReader& /*arguments*/) {
  PyObject* const root = peer.owner()->local_root;
  return root != nullptr ? PyRef::share(root) : none();
}

PyRef serve_get_attr(Peer& peer, ItemReader& arguments) {
  const PyRef object = next(peer, arguments);
  const PyRef name = object ? next(peer, arguments) : PyRef();
  if (!name || !no_more(arguments)) return {};
  return get_attribute(peer, object.get(), name.get());
}

PyRef serve_del_attr(Peer& peer, ItemReader& arguments) {
  const PyRef object = next(peer, arguments);
  const PyRef name = object ? next(peer, arguments) : PyRef();
  if (!name || !no_more(arguments)) return {};
  return delete_attribute(peer, object.get(), name.get()) ? none() : PyRef();
}

PyRef serve_set_attr(Peer& peer, ItemReader& arguments) {
  const PyRef object = next(peer, arguments);
  const PyRef name = object ? next(peer, arguments) : PyRef();
  const PyRef value = name ? next(peer, arguments) : PyRef();
  if (!value || !no_more(arguments)) return {};
  return set_attribute(peer, object.get(), name.get(), value.get()) ? none() : PyRef();
}

PyRef serve_call(Peer& peer, ItemReader& arguments) {
  const PyRef callable = next(peer, arguments);
  if (!callable) return {};
  CallArguments call;
  if (!call.read_positional(peer, arguments) || !call.read_keywords(peer, arguments)) return {};
  return no_more(arguments) ? call.call(callable.get()) : PyRef();
}

PyRef serve_call_attr(Peer& peer, ItemReader& arguments) {
  const PyRef object = next(peer, arguments);
  const PyRef name = object ? next(peer, arguments) : PyRef();
  if (!name) return {};
  CallArguments call;
  if (!call.read_positional(peer, arguments) || !call.read_keywords(peer, arguments)) return {};
  const PyRef callable =
      no_more(arguments) ? get_attribute(peer, object.get(), name.get()) : PyRef();
  return callable ? call.call(callable.get()) : PyRef();
}

PyRef serve_repr(Peer& peer, ItemReader& arguments) {
  const PyRef object = next(peer, arguments);
  return object ? PyRef::steal(PyObject_Repr(object.get())) : PyRef();
}

PyRef serve_str(Peer& peer, ItemReader& arguments) {
  const PyRef object = next(peer, arguments);
  return object ? PyRef::steal(PyObject_Str(object.get())) : PyRef();
}

PyRef serve_hash(Peer& peer, ItemReader& arguments) {
  const PyRef object = next(peer, arguments);
  if (!object) return {};
  const Py_hash_t hash = PyObject_Hash(object.get());
  return hash == -1 ? PyRef() : PyRef::steal(PyLong_FromSsize_t(hash));
}

PyRef serve_dir(Peer& peer, ItemReader& arguments) {
  const PyRef object = next(peer, arguments);
  const PyRef names = object ? PyRef::steal(PyObject_Dir(object.get())) : PyRef();
  return names ? PyRef::steal(PySequence_Tuple(names.get())) : PyRef();
}

// getattr(type(object), op)(object, other), under the policy for reading attributes.
PyRef serve_cmp(Peer& peer, ItemReader& arguments) {
  const PyRef object = next(peer, arguments);
  const PyRef other = object ? next(peer, arguments) : PyRef();
  if (!other) return {};
  const PyRef op = arguments.remaining() > 0 ? next(peer, arguments)
                                             : PyRef::steal(PyUnicode_FromString("__cmp__"));
  if (!op) return {};
  const PyRef function =
      get_attribute(peer, reinterpret_cast<PyObject*>(Py_TYPE(object.get())), op.get());
  if (!function) return {};
  return PyRef::steal(
      PyObject_CallFunctionObjArgs(function.get(), object.get(), other.get(), nullptr));
}

PyRef serve_del(Peer& peer, ItemReader& arguments) {
  const auto id = arguments.next_id();
  std::int64_t count = 1;
  if (id && arguments.remaining() > 0) {
    const auto given = arguments.next_int();
    count = given ? *given : -1;
  }
  if (!id || count < 0) {
    PyErr_SetString(PyExc_TypeError, "a release takes a reference and a count");
    return {};
  }
  const auto released = peer.release_export(*id, static_cast<std::uint64_t>(count));
  if (released) return none();
  raise_codec_error(released.error(), "cannot release");
  return {};
}

// At most max_chunk_items at a time, however many are asked for: the peer asks again.
PyRef serve_buff_iter(Peer& peer, ItemReader& arguments) {
  const PyRef iterator = next(peer, arguments);
  const PyRef wanted = iterator ? next(peer, arguments) : PyRef();
  if (!wanted) return {};
  const Py_ssize_t asked = PyNumber_AsSsize_t(wanted.get(), PyExc_OverflowError);
  if (asked == -1 && PyErr_Occurred() != nullptr) return {};
  const auto most = std::min(asked, static_cast<Py_ssize_t>(peer.limits().max_chunk_items));
  const PyRef items = PyRef::steal(PyList_New(0));
  const PyRef own = items ? PyRef::steal(PyObject_GetIter(iterator.get())) : PyRef();
  if (!own) return {};
  while (PyList_GET_SIZE(items.get()) < most) {
    const PyRef item = PyRef::steal(PyIter_Next(own.get()));
    if (!item) break;
    if (PyList_Append(items.get(), item.get()) != 0) return {};
  }
  if (PyErr_Occurred() != nullptr) return {};
  return PyRef::steal(PyList_AsTuple(items.get()));
}

constexpr std::array<HandlerFunction, 21> make_table() {
  std::array<HandlerFunction, 21> table{};
  const auto set = [&](Handler handler, HandlerFunction function) {
    table[static_cast<std::size_t>(handler)] = function;
  };
  set(Handler::kPing, serve_ping);
  set(Handler::kGetRoot, serve_get_root);
  set(Handler::kGetAttr, serve_get_attr);
  set(Handler::kDelAttr, serve_del_attr);
  set(Handler::kSetAttr, serve_set_attr);
  set(Handler::kCall, serve_call);
  set(Handler::kCallAttr, serve_call_attr);
  set(Handler::kRepr, serve_repr);
  set(Handler::kStr, serve_str);
  set(Handler::kCmp, serve_cmp);
  set(Handler::kHash, serve_hash);
  set(Handler::kDir, serve_dir);
  set(Handler::kDel, serve_del);
  set(Handler::kBuffIter, serve_buff_iter);
  return table;
}

}  // namespace

HandlerFunction handler_function(std::int64_t handler) noexcept {
  static constexpr auto kTable = make_table();
  const auto index = static_cast<std::size_t>(handler);
  return index < kTable.size() ? kTable[index] : nullptr;
}

}  // namespace sinew::python
