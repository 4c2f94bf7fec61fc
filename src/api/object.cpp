#include "sinew/object.hpp"

#include <algorithm>
#include <array>
#include <exception>

#include <fmt/format.h>

#include "api/peer.h"

namespace sinew {
namespace {

using detail::Verb;

std::string_view python_name(ValueKind kind) noexcept {
  switch (kind) {
    case ValueKind::kNone: return "NoneType";
    case ValueKind::kFalse:
    case ValueKind::kTrue: return "bool";
    case ValueKind::kNotImplemented: return "NotImplementedType";
    case ValueKind::kEllipsis: return "ellipsis";
    case ValueKind::kInteger: return "int";
    case ValueKind::kReal: return "float";
    case ValueKind::kComplex: return "complex";
    case ValueKind::kText: return "str";
    case ValueKind::kBytes: return "bytes";
    case ValueKind::kTuple: return "tuple";
    case ValueKind::kSlice: return "slice";
    case ValueKind::kFrozenSet: return "frozenset";
    case ValueKind::kOther: return "object";
  }
  return "object";
}

// Iterators of Python's own containers: to fetch ahead of the loop runs no code of the program.
constexpr std::array<std::string_view, 14> kSafeIterators{
    "builtins.list_iterator",      "builtins.tuple_iterator",
    "builtins.set_iterator",       "builtins.dict_keyiterator",
    "builtins.dict_valueiterator", "builtins.dict_itemiterator",
    "builtins.range_iterator",     "builtins.str_iterator",
    "builtins.str_ascii_iterator", "builtins.bytes_iterator",
    "builtins.bytearray_iterator", "builtins.list_reverseiterator",
    "builtins.longrange_iterator", "builtins.dict_reversekeyiterator"};

constexpr std::size_t kFirstChunk = 16;
constexpr std::size_t kLargestChunk = 1024;

}  // namespace

std::string Object::type_name() const {
  const detail::Import* const import = detail::import_of(value_);
  return import != nullptr ? import->id.name : std::string(python_name(value_.kind()));
}

bool Object::has(std::string_view name) const try {
  get(name);
  return true;
} catch (const RemoteError& error) {
  if (!error.is("AttributeError")) throw;
  return false;
}

Value Object::item_at(const Value& key) const {
  if (value_.kind() != ValueKind::kTuple) {
    return ask({.verb = Verb::kCallMethod, .name = "__getitem__", .positional = {&key, 1}});
  }
  const auto items = value_.items();
  const auto index = from_value<std::int64_t>(key);
  const auto count = static_cast<std::int64_t>(items.size());
  if (index < -count || index >= count) {
    throw ConversionError(fmt::format("index {} is beyond a tuple of {}", index, count));
  }
  return items[static_cast<std::size_t>(index < 0 ? index + count : index)];
}

std::size_t Object::size() const {
  switch (value_.kind()) {
    case ValueKind::kTuple:
    case ValueKind::kFrozenSet: return value_.items().size();
    case ValueKind::kBytes: return value_.bytes().size();
    default: return call<std::size_t>("__len__");
  }
}

std::string Object::repr() const {
  if (!is_reference()) return to_text(value_);
  return from_value<std::string>(ask({.verb = Verb::kRepr}));
}

std::string Object::str() const {
  if (value_.kind() == ValueKind::kText) return std::string(value_.text());
  if (!is_reference()) return to_text(value_);
  return from_value<std::string>(ask({.verb = Verb::kStr}));
}

std::int64_t Object::hash() const { return from_value<std::int64_t>(ask({.verb = Verb::kHash})); }

// An object without either is true (as Python has it).
bool Object::truth() const {
  switch (value_.kind()) {
    case ValueKind::kNone:
    case ValueKind::kFalse: return false;
    case ValueKind::kInteger: return value_ != Value(0);
    case ValueKind::kReal: return value_.real() != 0;
    case ValueKind::kText: return !value_.text().empty();
    case ValueKind::kBytes: return !value_.bytes().empty();
    case ValueKind::kTuple:
    case ValueKind::kFrozenSet: return !value_.items().empty();
    case ValueKind::kOther: break;
    default: return true;
  }
  for (const std::string_view method : {"__bool__", "__len__"}) {
    try {
      return Object(ask({.verb = Verb::kCallMethod, .name = method})).truth();
    } catch (const RemoteError& error) {
      if (!error.is("AttributeError")) throw;
    }
  }
  return true;
}

std::vector<std::string> Object::dir() const {
  return from_value<std::vector<std::string>>(ask({.verb = Verb::kDir}));
}

std::string Object::doc() const {
  const Object found = get("__doc__");
  return found.is_none() ? std::string() : found.as<std::string>();
}

bool Object::isinstance(const Object& of_class) const {
  return of_class.call<bool>("__instancecheck__", *this);
}

bool Object::compare(std::string_view method, const Object& other) const {
  if (!is_reference()) {
    if (other.is_reference()) {
      if (method == "__eq__") return other.compare(method, *this);
      return other.compare(method == "__lt__" ? "__gt__" : "__ge__", *this);
    }
    if (method == "__eq__") return value_ == other.value_;
    detail::refuse_conversion(value_, "an object of a peer's: plain values have no order here");
  }
  const Value result =
      ask({.verb = Verb::kCompare, .name = method, .positional = {&other.value_, 1}});
  if (result.kind() == ValueKind::kNotImplemented) {
    if (method == "__eq__") return false;
    detail::refuse_conversion(value_, "comparable with it");
  }
  return Object(result).truth();
}

// ---------------------------------------------------------------------------------------------
// Iteration

ObjectIterator Object::begin() const {
  return ObjectIterator(is_reference() ? call("__iter__") : *this);
}

ObjectIterator::ObjectIterator(Object iterator) : iterator_(std::move(iterator)) {
  if (!iterator_.is_reference()) {
    for (const Value& item : detail::items_of(iterator_.value())) items_.emplace_back(item);
    iterator_ = {};
    return;
  }
  if (std::ranges::find(kSafeIterators, iterator_.type_name()) != kSafeIterators.end()) {
    chunk_ = kFirstChunk;
  }
  fetch();
}

ObjectIterator& ObjectIterator::operator++() {
  if (++next_ == items_.size() && !iterator_.is_none()) fetch();
  return *this;
}

void ObjectIterator::fetch() {
  items_.clear();
  next_ = 0;
  if (chunk_ == 0) {
    try {
      items_.push_back(iterator_.call("__next__"));
    } catch (const RemoteError& error) {
      if (!error.is("StopIteration")) throw;
      iterator_ = {};
    }
    return;
  }
  const Value count = chunk_;
  const Value fetched = iterator_.ask({.verb = Verb::kFetchItems, .positional = {&count, 1}});
  for (const Value& item : fetched.items()) items_.emplace_back(item);
  if (items_.size() < chunk_) iterator_ = {};
  chunk_ = std::min(chunk_ * 2, kLargestChunk);
}

// ---------------------------------------------------------------------------------------------
// Entered

Entered::Entered(Object manager)
    : manager_(std::move(manager)),
      target_(manager_.call("__enter__")),
      exceptions_(std::uncaught_exceptions()) {}

Entered::~Entered() {
  if (!open_) return;
  try {
    if (std::uncaught_exceptions() <= exceptions_) {
      close();
    } else {
      manager_.call("__exit__", "RuntimeError", "a C++ exception", nullptr);
    }
  } catch (...) {
    open_ = false;  // nobody left to tell
  }
}

void Entered::close() {
  if (!std::exchange(open_, false)) return;
  manager_.call("__exit__", nullptr, nullptr, nullptr);
}

}  // namespace sinew
