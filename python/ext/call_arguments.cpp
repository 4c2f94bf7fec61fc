#include "call_arguments.h"

#include "errors.h"

namespace sinew::python {

using dialect::rpyc::ItemReader;

CallArguments::~CallArguments() {
  PyObject** const items = heap_.empty() ? inline_.data() : heap_.data();
  for (std::size_t i = 1; i <= count_; ++i) static_cast<void>(PyRef::steal(items[i]));
}

bool CallArguments::add(Result<PyRef> value) noexcept try {
  if (!value) {
    raise_codec_error(value.error(), "cannot read an argument");
    return false;
  }
  if (heap_.empty() && count_ + 1 == kInline) heap_.assign(inline_.begin(), inline_.end());
  if (heap_.empty()) {
    inline_[count_ + 1] = value->release();
  } else {
    heap_.push_back(nullptr);  // throws, if anything does, before the argument is ours
    heap_.back() = value->release();
  }
  ++count_;
  return true;
} catch (const std::bad_alloc&) {
  PyErr_NoMemory();
  return false;
}

bool CallArguments::read_positional(Peer& peer, ItemReader& request) noexcept {
  auto items = request.next_items();
  if (!items) {
    raise_codec_error(items.error(), "cannot read the arguments");
    return false;
  }
  PeerModel model(peer);
  while (items->remaining() > 0) {
    if (!add(items->next(model, peer.limits().brine))) return false;
  }
  positional_ = count_;
  return true;
}

bool CallArguments::add_name(Result<PyRef> name) noexcept {
  if (!name) {
    raise_codec_error(name.error(), "cannot read the name of an argument");
    return false;
  }
  if (PyUnicode_Check(name->get()) == 0) {
    PyErr_SetString(PyExc_TypeError, "keywords must be strings");
    return false;
  }
  return PyList_Append(keyword_names_.get(), name->get()) == 0;
}

bool CallArguments::read_keywords(Peer& peer, ItemReader& request) noexcept {
  if (request.remaining() == 0) return true;
  auto pairs = request.next_items();
  if (!pairs) {
    raise_codec_error(pairs.error(), "cannot read the keyword arguments");
    return false;
  }
  if (pairs->remaining() == 0) return true;
  keyword_names_ = PyRef::steal(PyList_New(0));
  if (!keyword_names_) return false;
  PeerModel model(peer);
  while (pairs->remaining() > 0) {
    auto pair = pairs->next_items();
    if (!pair || pair->remaining() != 2) {
      raise_codec_error(Errc::kWrongType, "cannot read a keyword argument");
      return false;
    }
    if (!add_name(pair->next(model, peer.limits().brine))) return false;
    if (!add(pair->next(model, peer.limits().brine))) return false;
  }
  keyword_names_ = PyRef::steal(PyList_AsTuple(keyword_names_.get()));
  return static_cast<bool>(keyword_names_);
}

PyRef CallArguments::call(PyObject* callable) const noexcept {
  PyObject* const* const items = (heap_.empty() ? inline_.data() : heap_.data()) + 1;
  return PyRef::steal(PyObject_Vectorcall(
      callable, items, positional_ | PY_VECTORCALL_ARGUMENTS_OFFSET, keyword_names_.get()));
}

}  // namespace sinew::python
