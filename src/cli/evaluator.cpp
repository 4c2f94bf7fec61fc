#include "cli/evaluator.h"

#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "cli/exit_codes.h"
#include "cli/mapping.h"

namespace sinew::cli {
namespace {

// "a.b.c" as its names; nothing if it is not only names.
std::optional<std::vector<std::string>> dotted(const Node& node) {
  if (node.kind == Node::Kind::kName) return std::vector{node.name};
  if (node.kind != Node::Kind::kAttribute) return std::nullopt;
  auto path = dotted(node.parts[0]);
  if (path) path->push_back(node.name);
  return path;
}

}  // namespace

Object Evaluator::ask_call(const Object& object, detail::Verb verb, std::string_view method,
                           const CallArguments& arguments) {
  std::vector<NamedArgument> named;
  named.reserve(arguments.named.size());
  for (std::size_t i = 0; i < arguments.named.size(); ++i) {
    named.push_back({arguments.names[i], arguments.named[i]});
  }
  return ask_(object.value(),
              {.verb = verb, .name = method, .positional = arguments.positional, .named = named});
}

Object Evaluator::get(const Object& object, std::string_view name) {
  return ask_(object.value(), {.verb = detail::Verb::kGet, .name = name});
}

Object Evaluator::evaluate(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kName: return name(node.name);
    case Node::Kind::kAttribute: return attribute(node);
    case Node::Kind::kItem: return evaluate(node.parts[0]).item(value_of(node.parts[1]));
    case Node::Kind::kCall: break;
    default: return value_of(node);
  }
  const std::size_t positional = node.parts.size() - node.names.size();
  const std::span<const Node> parts(node.parts);
  return call(node.parts[0], {.positional = values_of(parts.subspan(1, positional - 1)),
                              .names = node.names,
                              .named = values_of(parts.subspan(positional))});
}

Object Evaluator::call(const Node& function, const CallArguments& arguments) {
  if (function.kind == Node::Kind::kAttribute) {
    return ask_call(evaluate(function.parts[0]), detail::Verb::kCallMethod, function.name,
                    arguments);
  }
  const bool is_roots = function.kind == Node::Kind::kName && function.name != "root" &&
                        !variables_.contains(function.name) && !peer_.is_classic();
  if (is_roots) {
    return ask_call(peer_.root, detail::Verb::kCallMethod, function.name, arguments);
  }
  return ask_call(evaluate(function), detail::Verb::kCall, {}, arguments);
}

CallArguments Evaluator::arguments_of(std::span<const std::string> words) {
  CallArguments made;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos && is_name(std::string_view(word).substr(0, equals))) {
      made.names.push_back(word.substr(0, equals));
      made.named.push_back(value_of(parse_word(std::string_view(word).substr(equals + 1))));
    } else if (!made.named.empty()) {
      throw UsageError(fmt::format("the argument '{}' has no name and follows one that has ({}=)",
                                   word, made.names.back()));
    } else {
      made.positional.push_back(value_of(parse_word(word)));
    }
  }
  return made;
}

// -- Names ---------------------------------------------------------------------------------------

Object Evaluator::name(const std::string& name) {
  if (const auto found = variables_.find(name); found != variables_.end()) return found->second;
  if (name == "root") return peer_.root;
  if (!peer_.is_classic()) return get(peer_.root, name);
  try {
    return import("builtins").get(name);
  } catch (const RemoteError& error) {
    if (!is_missing_attribute(error)) throw;
  }
  try {
    return import(name);
  } catch (const RemoteError& error) {
    if (!is_missing_module(error)) throw;
    throw MissingError(fmt::format("the server has no module and no built-in function '{}'", name));
  }
}

Object Evaluator::attribute(const Node& node) {
  if (const auto path = dotted(node); path && peer_.is_classic()) {
    const std::string& first = path->front();
    if (first != "root" && !variables_.contains(first)) return member_of_module(*path);
  }
  return get(evaluate(node.parts[0]), node.name);
}

Object Evaluator::import(const std::string& module) { return peer_.connection.module(module); }

// "xml.dom.minidom.parse": attributes as far as they go; where one lacks, what was passed so far
// may be a package, and the next name a module of it.
Object Evaluator::member_of_module(std::span<const std::string> path) {
  std::string module = path.front();
  Object found;
  try {
    found = import(module);
  } catch (const RemoteError& error) {
    if (!is_missing_module(error)) throw;
    found = name(path.front());
    module.clear();
  }
  for (const std::string& next : path.subspan(1)) {
    if (!module.empty()) module += "." + next;
    try {
      found = found.get(next);
    } catch (const RemoteError& error) {
      if (!is_missing_attribute(error) || module.empty()) throw;
      try {
        found = import(module);
      } catch (const RemoteError& missing) {
        if (!is_missing_module(missing)) throw;
        throw MissingError(fmt::format("the server has no '{}'", module));
      }
    }
  }
  return found;
}

// -- Values --------------------------------------------------------------------------------------

std::vector<Value> Evaluator::values_of(std::span<const Node> nodes) {
  std::vector<Value> values;
  values.reserve(nodes.size());
  for (const Node& node : nodes) values.push_back(value_of(node));
  return values;
}

Value Evaluator::value_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kValue: return node.value;
    case Node::Kind::kTuple: return Value::tuple(values_of(node.parts));
    case Node::Kind::kList: return list_of(values_of(node.parts), "list");
    case Node::Kind::kSet:
      if (!peer_.is_classic()) return Value::frozen_set(values_of(node.parts));
      return list_of(values_of(node.parts), "set");
    case Node::Kind::kDict: return dictionary(values_of(node.parts));
    default: return evaluate(node).value();
  }
}

Value Evaluator::list_of(std::vector<Value> items, std::string_view type) {
  Value tuple = Value::tuple(std::move(items));
  if (!peer_.is_classic()) return tuple;
  return import("builtins").call(type, std::move(tuple)).value();
}

Value Evaluator::dictionary(std::vector<Value> keys_and_values) {
  std::vector<std::pair<Value, Value>> pairs;
  for (std::size_t i = 0; i + 1 < keys_and_values.size(); i += 2) {
    pairs.emplace_back(std::move(keys_and_values[i]), std::move(keys_and_values[i + 1]));
  }
  if (!peer_.is_classic()) return to_value(std::make_shared<Mapping>(std::move(pairs)));
  return import("builtins").call("dict", std::move(pairs)).value();
}

}  // namespace sinew::cli
