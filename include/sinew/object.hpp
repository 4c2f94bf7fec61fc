#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "sinew/convert.hpp"
#include "sinew/detail/request.hpp"
#include "sinew/future.hpp"
#include "sinew/value.hpp"

namespace sinew {

template <>
struct Converter<Object> {
  static Value to_value(const Object& object);
  static Object from_value(const Value& value);
};

class ObjectIterator;
struct EndOfIteration {};

/// A Python object, wherever it lives: a plain value (a number, text, a tuple ...), which has come
/// whole, or a reference to an object of the peer's, which stays there and of which this is a
/// proxy. What is asked of a reference is a request to the peer and waits for the answer; the peer
/// keeps the object until the last copy of the proxy is gone. A plain value has no peer to ask: it
/// is looked at with as() and value(), a tuple also by its items, and has no methods
/// (ConversionError).
///
/// Results are converted to the type that is asked for: `call<int>("add", 1, 2)`. Without one they
/// are Objects.
///
/// Copying is cheap, and a copy is the same object. A proxy keeps its connection alive, but not
/// open: Connection::close() ends it for all.
///
/// Every member that asks the peer throws RemoteError for an exception that was raised there,
/// ConversionError when the answer is of another type, and Error: kTimedOut when the time is over
/// (Options::call_timeout, TimeLimit), kDisconnected when the connection is gone, kOverloaded when
/// a limit was reached.
///
/// threads: any, several at once on one connection. While a thread waits it also serves what the
/// peer asks of us, callbacks for example.
class Object {
 public:
  /// None.
  Object() noexcept = default;

  /// Anything that can be sent.
  template <class T>
    requires(Sendable<T> && !std::same_as<std::remove_cvref_t<T>, Object>)
  Object(T&& value) : value_(to_value(std::forward<T>(value))) {}

  /// Whether it is a reference to an object of the peer's.
  bool is_reference() const noexcept { return value_.kind() == ValueKind::kOther; }
  bool is_none() const noexcept { return value_.is_none(); }

  /// What it is here. A reference is of ValueKind::kOther.
  const Value& value() const noexcept { return value_; }

  /// Its type's full name, as the peer tells it: "builtins.list"; of a plain value Python's name of
  /// the type: "int". Asks nobody.
  std::string type_name() const;

  /// As a C++ type. A container of the peer's (list, dict ...) is fetched for that, in few
  /// requests.
  template <class T>
  T as() const {
    return received<T>(value_);
  }

  // Attributes.

  template <class R = Object>
  R get(std::string_view name) const {
    return received<R>(ask({.verb = detail::Verb::kGet, .name = name}));
  }
  template <Sendable T>
  void set(std::string_view name, T&& value) const {
    const Value sent = to_value(std::forward<T>(value));
    ask({.verb = detail::Verb::kSet, .name = name, .positional = {&sent, 1}});
  }
  void del(std::string_view name) const { ask({.verb = detail::Verb::kDelete, .name = name}); }

  /// Whether the peer lets us have such an attribute.
  bool has(std::string_view name) const;

  // Calls. Arguments are positional, then named (arg). A method call is one request.

  template <class R = Object, class... Args>
  R call(std::string_view method, Args&&... args) const {
    const detail::Packed<Args...> packed(std::forward<Args>(args)...);
    return received<R>(ask(packed.request(detail::Verb::kCallMethod, method)));
  }
  template <class... Args>
  Object operator()(Args&&... args) const {
    return invoke<Object>(std::forward<Args>(args)...);
  }
  template <class R, class... Args>
  R invoke(Args&&... args) const {
    const detail::Packed<Args...> packed(std::forward<Args>(args)...);
    return received<R>(ask(packed.request(detail::Verb::kCall, {})));
  }

  /// The same without waiting: any number of calls may be under way.
  template <class R = Object, class... Args>
  Future<R> async(std::string_view method, Args&&... args) const {
    const detail::Packed<Args...> packed(std::forward<Args>(args)...);
    return Future<R>(start(packed.request(detail::Verb::kCallMethod, method)));
  }
  template <class R = Object, class... Args>
  Future<R> async_invoke(Args&&... args) const {
    const detail::Packed<Args...> packed(std::forward<Args>(args)...);
    return Future<R>(start(packed.request(detail::Verb::kCall, {})));
  }

  // Items. A tuple has them here.

  template <class R = Object, Sendable K>
  R item(K&& key) const {
    return received<R>(item_at(to_value(std::forward<K>(key))));
  }
  template <Sendable K, Sendable T>
  void set_item(K&& key, T&& value) const {
    call<Object>("__setitem__", std::forward<K>(key), std::forward<T>(value));
  }
  template <Sendable K>
  void del_item(K&& key) const {
    call<Object>("__delitem__", std::forward<K>(key));
  }
  template <Sendable K>
  bool contains(K&& key) const {
    return call<bool>("__contains__", std::forward<K>(key));
  }
  std::size_t size() const;

  /// Its items one after the other: `for (const Object& item : object)`. Items of a container of
  /// Python's own are fetched many at a time; those of anything else, such as a generator, one by
  /// one, because what computes them is to run no further than the loop does.
  ObjectIterator begin() const;
  EndOfIteration end() const noexcept { return {}; }

  // What every object has.

  std::string repr() const;
  std::string str() const;
  std::int64_t hash() const;
  bool truth() const;  ///< Python's bool(object)
  std::vector<std::string> dir() const;
  std::string doc() const;  ///< its docstring; empty if it has none
  bool isinstance(const Object& of_class) const;

  /// Python's comparisons. Plain values are compared here, by value and type: Object(1) is not
  /// Object(1.0), unlike in Python.
  friend bool operator==(const Object& one, const Object& other) {
    return one.compare("__eq__", other);
  }
  bool operator<(const Object& other) const { return compare("__lt__", other); }
  bool operator<=(const Object& other) const { return compare("__le__", other); }
  bool operator>(const Object& other) const { return other < *this; }
  bool operator>=(const Object& other) const { return other <= *this; }

  /// Whether both are proxies of the very same object, or equal plain values. Asks nobody.
  bool is(const Object& other) const noexcept { return value_ == other.value_; }

 private:
  friend class ObjectIterator;

  template <class R>
  static R received(const Value& value) {
    detail::require_receivable<R>();
    if constexpr (Receivable<R>) return from_value<R>(value);
  }
  Value ask(const detail::Request& request) const { return detail::ask(value_, request); }
  std::shared_ptr<detail::Pending> start(const detail::Request& request) const {
    return detail::start(value_, request);
  }
  Value item_at(const Value& key) const;
  bool compare(std::string_view method, const Object& other) const;

  Value value_;
};

/// Goes through the items of an object once (Object::begin()).
///
/// threads: one.
class ObjectIterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = Object;
  using difference_type = std::ptrdiff_t;

  const Object& operator*() const noexcept { return items_[next_]; }
  const Object* operator->() const noexcept { return &items_[next_]; }
  ObjectIterator& operator++();
  void operator++(int) { ++*this; }
  friend bool operator==(const ObjectIterator& it, EndOfIteration) noexcept {
    return it.next_ == it.items_.size();
  }

 private:
  friend class Object;
  explicit ObjectIterator(Object iterator);
  void fetch();

  Object iterator_;        // the peer's; None: all items are here
  std::size_t chunk_ = 0;  // how many to fetch; 0: one by one
  std::vector<Object> items_;
  std::size_t next_ = 0;
};

/// Holds a Python context manager open: __enter__ here, __exit__ in the destructor, told of an
/// exception that is under way.
///
///     sinew::Entered file(conn.builtin("open")("log.txt", "w"));
///     file->call("write", "hello");
///
/// An exception that __exit__ raises leaves close(), and is lost in the destructor.
///
/// threads: one.
class Entered {
 public:
  explicit Entered(Object manager);
  ~Entered();
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

  /// What __enter__ returned.
  const Object& operator*() const noexcept { return target_; }
  const Object* operator->() const noexcept { return &target_; }

  /// Calls __exit__ now, and not again.
  void close();

 private:
  Object manager_;
  Object target_;
  int exceptions_;  // under way when it was made
  bool open_ = true;
};

inline Value Converter<Object>::to_value(const Object& object) { return object.value(); }
inline Object Converter<Object>::from_value(const Value& value) { return value; }

}  // namespace sinew
