#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/connecting.h"
#include "cli/syntax.h"
#include "sinew/object.hpp"

namespace sinew::cli {

/// The arguments of a call, ready to be sent.
struct CallArguments {
  std::vector<Value> positional;
  std::vector<std::string> names;  ///< of `named`, and what they point to
  std::vector<Value> named;
};

/// Works out what users write, at a peer. A name is, at a service, an attribute of the root; at a
/// classic server a module or one of Python's built-in functions. `root` is the root at both.
///
/// Lists, dicts and sets have no form that crosses by value: at a classic server they are made
/// there; a service gets a tuple for a list, a frozenset for a set, and for a dict an object of
/// ours that can be read as one.
///
/// threads: one.
class Evaluator {
 public:
  explicit Evaluator(Peer& peer) noexcept : peer_(peer) {}

  /// Has calls and attributes asked for by `ask` instead of waiting without end.
  using Ask = std::function<Value(const Value& target, const detail::Request& request)>;
  void ask_with(Ask ask) { ask_ = std::move(ask); }

  /// Names of the user's own, in front of all others.
  std::map<std::string, Object, std::less<>>& variables() noexcept { return variables_; }

  /// The object that an expression is. Throws what asking the peer throws, and MissingError
  /// for a name that a classic server lacks.
  Object evaluate(const Node& node);

  /// Calls what `function` names, with one request for the last step.
  Object call(const Node& function, const CallArguments& arguments);

  /// Words of a command line: `3`, `name=3`.
  CallArguments arguments_of(std::span<const std::string> words);

 private:
  Object name(const std::string& name);
  Object attribute(const Node& node);
  Object member_of_module(std::span<const std::string> path);
  Object import(const std::string& module);
  Value value_of(const Node& node);
  std::vector<Value> values_of(std::span<const Node> nodes);
  Value list_of(std::vector<Value> items, std::string_view type);
  Value dictionary(std::vector<Value> keys_and_values);

  Object ask_call(const Object& object, detail::Verb verb, std::string_view method,
                  const CallArguments& arguments);
  Object get(const Object& object, std::string_view name);

  Peer& peer_;
  Ask ask_ = detail::ask;
  std::map<std::string, Object, std::less<>> variables_;
};

}  // namespace sinew::cli
