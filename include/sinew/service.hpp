#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "sinew/convert.hpp"
#include "sinew/detail/class.hpp"
#include "sinew/function.hpp"
#include "sinew/object.hpp"

namespace sinew {

namespace detail {

/// The parameters of a function behind the one that is the object itself.
template <class T, class F>
struct Method;
template <class T, class R, class... A>
struct Method<T, R (T::*)(A...)> {
  using Result = R;
  using Arguments = std::tuple<std::decay_t<A>...>;
};
template <class T, class R, class... A>
struct Method<T, R (T::*)(A...) const> : Method<T, R (T::*)(A...)> {};
template <class T, class R, class... A>
struct Method<T, R (T::*)(A...) noexcept> : Method<T, R (T::*)(A...)> {};
template <class T, class R, class... A>
struct Method<T, R (T::*)(A...) const noexcept> : Method<T, R (T::*)(A...)> {};
template <class T, class R, class... A>
struct Method<T, R(T&, A...)> : Method<T, R (T::*)(A...)> {};
template <class T, class R, class... A>
struct Method<T, R(const T&, A...)> : Method<T, R (T::*)(A...)> {};
template <class T, class R, class First, class... A>
struct Method<T, R (*)(First, A...)> : Method<T, R(First, A...)> {};
// A lambda: its operator() without the class it belongs to.
template <class F>
struct CallOperator;
template <class L, class R, class... A>
struct CallOperator<R (L::*)(A...)> {
  using Type = R(A...);
};
template <class L, class R, class... A>
struct CallOperator<R (L::*)(A...) const> {
  using Type = R(A...);
};
template <class T, class F>
  requires requires { &F::operator(); }
struct Method<T, F> : Method<T, typename CallOperator<decltype(&F::operator())>::Type> {};

template <class Tuple, std::size_t I>
std::tuple_element_t<I, Tuple> argument(std::span<const Value> values) {
  try {
    return parameter<Tuple, I>(values);
  } catch (const ConversionError& error) {
    throw ArgumentMismatch(kPlace<Tuple, I>, error);
  }
}

/// What a function returns, as a value. A reference to an object of a class is the object itself,
/// kept by its owner `self`; anything else is sent by what it is.
template <class R>
Value result_value(const Self& self, R&& result) {
  using Bare = std::remove_cvref_t<R>;
  if constexpr (Sendable<Bare>) {
    return to_value(std::forward<R>(result));
  } else {
    static_assert(!std::is_const_v<std::remove_reference_t<R>>,
                  "peers may do with an object all that its class has, which a const reference "
                  "forbids: return a reference without const, or a copy as a std::shared_ptr");
    static_assert(std::is_lvalue_reference_v<R>,
                  "return a std::shared_ptr or std::unique_ptr to an object, or a reference to one "
                  "that the callee owns");
    return instance_value(Self(self, &result), typeid(Bare));
  }
}

template <class Result, class Invoke>
Value run(const Self& self, Invoke&& invoke) {
  if constexpr (std::is_void_v<Result>) {
    invoke();
    return {};
  } else {
    return result_value<Result>(self, invoke());
  }
}

/// Says in a sentence why peers cannot call a function.
template <class Tuple>
constexpr void require_acceptable() {
  []<class... A>(std::type_identity<std::tuple<A...>>) {
    static_assert(!(kIsView<A> || ...),
                  "a parameter is a view, and nobody would own what it points to: take a const "
                  "std::string&, a std::vector or a sinew::Bytes");
    static_assert(((kIsView<A> || Acceptable<A>) && ...),
                  "a parameter cannot come from a peer: specialise sinew::Converter for its type, "
                  "with from_value(), or take a std::shared_ptr to an object with a "
                  "sinew::service");
  }(std::type_identity<Tuple>());
}

/// `function` called with an object and the converted arguments.
template <class T, class F>
Overload method_overload(F function) {
  using Traits = Method<T, F>;
  using Tuple = typename Traits::Arguments;
  require_acceptable<Tuple>();
  auto call = [function = std::move(function)](const Self& self, std::span<const Value> values) {
    T& object = *static_cast<T*>(self.get());
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      Tuple arguments{argument<Tuple, I>(values)...};
      return run<typename Traits::Result>(self, [&]() -> decltype(auto) {
        return std::invoke(function, object, std::move(std::get<I>(arguments))...);
      });
    }(std::make_index_sequence<std::tuple_size_v<Tuple>>());
  };
  return {kSentOf<Tuple>, {}, std::move(call)};
}

/// The same without an object.
template <class F>
Overload function_overload(F function) {
  using Traits = Signature<F>;
  using Tuple = typename Traits::Arguments;
  require_acceptable<Tuple>();
  static_assert(!std::is_lvalue_reference_v<typename Traits::Result> ||
                    Sendable<std::remove_cvref_t<typename Traits::Result>>,
                "a function that belongs to no object cannot return a reference to one, because "
                "nothing would keep it: return a std::shared_ptr");
  auto call = [function = std::move(function)](const Self& self, std::span<const Value> values) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      Tuple arguments{argument<Tuple, I>(values)...};
      return run<typename Traits::Result>(self, [&]() -> decltype(auto) {
        return std::invoke(function, std::move(std::get<I>(arguments))...);
      });
    }(std::make_index_sequence<std::tuple_size_v<Tuple>>());
  };
  return {Traits::kArity, {}, std::move(call)};
}

inline Overload with_parameters(Overload overload, std::vector<Parameter> parameters) {
  if (!parameters.empty() && parameters.size() != overload.arity) {
    throw std::logic_error("a function has another number of parameters than it has names for");
  }
  overload.parameters = std::move(parameters);
  return overload;
}

}  // namespace detail

/// What peers may do with objects of the C++ type T: everything that is defined here, and nothing
/// else. Made by service(); complete before the first object is sent.
///
///     auto scope =
///         sinew::service<Scope>("lab.Scope", "An oscilloscope.")
///             .def("sample", &Scope::sample, {"channel", sinew::arg("count") = 1000})
///             .property("rate", &Scope::rate, &Scope::set_rate)
///             .constant("CHANNELS", 4);
///
/// Objects are sent as std::shared_ptr (the peer is one more owner), std::unique_ptr (it becomes
/// the owner), or as a reference that a method returns (it belongs to the object whose method it
/// was, which lives as long as the peer holds it). Not as a const one: a class is what peers may do
/// with each of its objects.
///
/// Functions run on the threads that serve, several at once if there are several: an object that
/// more than one client can reach needs its own lock.
template <class T>
class Service {
 public:
  Service(std::string name, std::string doc) : class_(std::make_shared<detail::Class>()) {
    class_->name = std::move(name);
    class_->doc = std::move(doc);
    detail::register_class(typeid(T), class_);
  }

  /// A method: a member function, or anything callable whose first parameter is T& or const T&. The
  /// same name again is an overload; the first that takes the arguments is called.
  template <class F>
  Service& def(std::string_view name, F function, std::vector<Parameter> parameters = {},
               std::string doc = {}) {
    class_->add(name,
                detail::with_parameters(detail::method_overload<T>(std::move(function)),
                                        std::move(parameters)),
                std::move(doc));
    return *this;
  }
  // A template, so that {"count"} is one parameter's name and not a text.
  template <class F, std::convertible_to<std::string> Doc>
  Service& def(std::string_view name, F function, Doc doc) {
    return def(name, std::move(function), {}, std::string(std::move(doc)));
  }

  /// A property that cannot be set.
  template <class Get>
    requires(!std::is_member_object_pointer_v<Get>)
  Service& property(std::string_view name, Get get, std::string doc = {}) {
    static_assert(kArity<Get> == 0, "the getter of a property has a parameter besides the object");
    auto& made = class_->properties[std::string(name)];
    made.doc = std::move(doc);
    made.get = [read = detail::method_overload<T>(std::move(get)).run](const detail::Self& self) {
      return read(self, {});
    };
    return *this;
  }
  /// One that can.
  template <class Get, class Set>
    requires(!std::convertible_to<Set, std::string>)
  Service& property(std::string_view name, Get get, Set set, std::string doc = {}) {
    static_assert(kArity<Set> == 1,
                  "the setter of a property takes the object and one value, nothing else");
    property(name, std::move(get), std::move(doc));
    class_->properties[std::string(name)].set =
        [write = detail::method_overload<T>(std::move(set)).run](
            const detail::Self& self, const Value& value) { write(self, {&value, 1}); };
    return *this;
  }
  /// A data member; of a const one only the value is to be had.
  template <class M>
    requires(!std::is_function_v<M>)
  Service& property(std::string_view name, M T::* member, std::string doc = {}) {
    property(name, [member](const T& object) -> M { return object.*member; }, std::move(doc));
    if constexpr (!std::is_const_v<M>) {
      class_->properties[std::string(name)].set = [member](const detail::Self& self,
                                                           const Value& value) {
        static_cast<T*>(self.get())->*member = from_value<M>(value);
      };
    }
    return *this;
  }

  template <Sendable V>
  Service& constant(std::string_view name, V&& value) {
    class_->constants[std::string(name)] = to_value(std::forward<V>(value));
    return *this;
  }

  const std::string& name() const noexcept { return class_->name; }

 private:
  template <class F>
  static constexpr std::size_t kArity = detail::kSentOf<typename detail::Method<T, F>::Arguments>;

  std::shared_ptr<detail::Class> class_;
};

/// Defines what peers may do with objects of type T. Once for each type.
template <class T>
Service<T> service(std::string name, std::string doc = {}) {
  return Service<T>(std::move(name), std::move(doc));
}

/// Functions and values under one name, as a Python module has them; the root of a server that
/// offers more than one object.
///
///     auto lab = sinew::module("lab").def("scopes", list_scopes).constant("VERSION", "1.2");
class Module {
 public:
  explicit Module(std::string name, std::string doc = {});

  template <class F>
  Module& def(std::string_view name, F function, std::vector<Parameter> parameters = {},
              std::string doc = {}) {
    class_->add(name,
                detail::with_parameters(detail::function_overload(std::move(function)),
                                        std::move(parameters)),
                std::move(doc));
    return *this;
  }
  // A template, so that {"count"} is one parameter's name and not a text.
  template <class F, std::convertible_to<std::string> Doc>
  Module& def(std::string_view name, F function, Doc doc) {
    return def(name, std::move(function), {}, std::string(std::move(doc)));
  }

  template <Sendable V>
  Module& constant(std::string_view name, V&& value) {
    class_->constants[std::string(name)] = to_value(std::forward<V>(value));
    return *this;
  }

  /// Something to send, or to offer as a server's root.
  Object object() const;

 private:
  std::shared_ptr<detail::Class> class_;
};

inline Module module(std::string name, std::string doc = {}) {
  return Module(std::move(name), std::move(doc));
}

/// What a function returns to send items one by one, when the peer asks for them: Python sees an
/// iterator. `next` returns nothing at the end; what it throws ends the iteration there.
///
///     .def("samples", [](Scope& s) { return sinew::Iterator<double>([&s] { return s.next(); }); })
template <Sendable T>
class Iterator {
 public:
  explicit Iterator(std::function<std::optional<T>()> next) : next_(std::move(next)) {}

 private:
  friend struct Converter<Iterator>;
  std::function<std::optional<T>()> next_;
};

template <class T>
struct Converter<Iterator<T>> {
  static Value to_value(Iterator<T> iterator) {
    return detail::iterator_value([next = std::move(iterator.next_)]() -> std::optional<Value> {
      std::optional<T> item = next();
      if (!item) return std::nullopt;
      return sinew::to_value(*std::move(item));
    });
  }
};

template <class T>
struct Converter<std::shared_ptr<T>> {
  static Value to_value(std::shared_ptr<T> object) {
    return object ? detail::instance_value(std::move(object), typeid(T)) : Value();
  }
  static std::shared_ptr<T> from_value(const Value& value) {
    if (value.is_none()) return nullptr;
    return std::static_pointer_cast<T>(detail::instance_of(value, typeid(T)));
  }
};

template <class T>
struct Converter<std::unique_ptr<T>> {
  static Value to_value(std::unique_ptr<T> object) {
    return sinew::to_value(std::shared_ptr<T>(std::move(object)));
  }
};

}  // namespace sinew
