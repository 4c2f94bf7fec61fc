#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

#include "sinew/argument.hpp"
#include "sinew/detail/servant.hpp"
#include "sinew/error.hpp"
#include "sinew/value.hpp"

namespace sinew {

/// A parameter of a function as Python sees it: a name, or a name and what stands for it if the
/// caller leaves it out: `{"channel", arg("rate") = 1000}`.
struct Parameter {
  Parameter(const char* its_name) : name(its_name) {}
  Parameter(NamedArgument argument) : name(argument.name), fallback(std::move(argument.value)) {}

  std::string name;
  std::optional<Value> fallback;
};

namespace detail {

/// One of the arguments has another type than the function wants: perhaps another overload does.
class ArgumentMismatch : public ConversionError {
 public:
  ArgumentMismatch(std::size_t index, const ConversionError& why)
      : ConversionError(why.message()), index_(index) {}
  std::size_t index() const noexcept { return index_; }

 private:
  std::size_t index_;
};

/// Who is called: the object, and who owns it.
using Self = std::shared_ptr<void>;

/// One way to call a function. `run` gets as many values as there are parameters.
struct Overload {
  std::size_t arity = 0;
  std::vector<Parameter> parameters;  ///< empty: they have no names
  std::function<Value(const Self& self, std::span<const Value> arguments)> run;
};

struct Function {
  std::string name;
  std::string doc;
  std::vector<Overload> overloads;

  /// Throws PythonError (TypeError) when no overload takes the arguments.
  Value call(const Self& self, const Arguments& arguments) const;

  /// For Python's inspect: "(a, b=1)"; "(*args, **kwargs)" for overloads that differ.
  std::string text_signature() const;

  /// Its docstring; with several overloads they come first, a line each.
  std::string described() const;
};

struct Property {
  std::string doc;
  std::function<Value(const Self& self)> get;
  std::function<void(const Self& self, const Value& value)> set;  ///< empty: it cannot be set
};

/// What a peer may do with objects of one C++ type, or with a module. Complete before it is used.
///
/// threads: any, once complete.
struct Class {
  std::string name;  ///< "lab.Scope"
  std::string doc;
  std::map<std::string, Function, std::less<>> functions;
  std::map<std::string, Property, std::less<>> properties;
  std::map<std::string, Value, std::less<>> constants;

  void add(std::string_view function, Overload overload, std::string doc);
};

/// The class of a C++ type for the whole process. A second one for a type is a std::logic_error.
void register_class(const std::type_info& type, std::shared_ptr<const Class> of);

/// The value that stands for an object of ours; one object is one reference as long as a peer holds
/// it. Throws std::logic_error if its type has no class.
Value instance_value(Self object, const std::type_info& type);
Value instance_value(Self object, std::shared_ptr<const Class> of);

/// The object behind a value that instance_value() made of that type. Throws ConversionError.
Self instance_of(const Value& value, const std::type_info& type);

/// The value that stands for a Python iterator over what `next` returns until it returns nothing.
Value iterator_value(std::function<std::optional<Value>()> next);

}  // namespace detail
}  // namespace sinew
