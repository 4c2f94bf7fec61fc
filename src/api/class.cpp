#include "sinew/detail/class.hpp"

#include <mutex>
#include <stdexcept>
#include <typeindex>
#include <unordered_map>

#include <fmt/format.h>

#include "sinew/python_error.hpp"

namespace sinew::detail {
namespace {

[[noreturn]] void refuse(std::string message) {
  throw PythonError("TypeError", {Value(std::move(message))});
}

// The arguments in the order of the parameters. An empty text: they fit.
std::string bind(const Function& function, const Overload& overload, const Arguments& given,
                 std::vector<Value>& bound) {
  const std::size_t count = given.positional.size();
  if (count > overload.arity) {
    return fmt::format("{}() takes {} argument{} but {} {} given", function.name, overload.arity,
                       overload.arity == 1 ? "" : "s", count, count == 1 ? "was" : "were");
  }
  std::vector<std::optional<Value>> slots(overload.arity);
  for (std::size_t i = 0; i < count; ++i) slots[i] = given.positional[i];
  for (const auto& [name, value] : given.named) {
    std::size_t at = 0;
    while (at < overload.parameters.size() && overload.parameters[at].name != name) ++at;
    if (at == overload.parameters.size()) {
      return fmt::format("{}() got an unexpected keyword argument '{}'", function.name, name);
    }
    if (slots[at]) {
      return fmt::format("{}() got multiple values for argument '{}'", function.name, name);
    }
    slots[at] = value;
  }
  bound.clear();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Parameter* const named =
        i < overload.parameters.size() ? &overload.parameters[i] : nullptr;
    if (!slots[i] && named != nullptr) slots[i] = named->fallback;
    if (!slots[i]) {
      return fmt::format("{}() missing the argument {}", function.name,
                         named != nullptr ? "'" + named->name + "'" : std::to_string(i + 1));
    }
    bound.push_back(*std::move(slots[i]));
  }
  return {};
}

std::string name_of_parameter(const Overload& overload, std::size_t index) {
  return index < overload.parameters.size() ? "'" + overload.parameters[index].name + "'"
                                            : std::to_string(index + 1);
}

struct Registry {
  std::mutex mutex;
  std::unordered_map<std::type_index, std::shared_ptr<const Class>> classes;  // guarded by mutex
};

Registry& registry() {
  static auto* const the = new Registry();  // never destroyed: threads may outlive static objects
  return *the;
}

}  // namespace

Value Function::call(const Self& self, const Arguments& arguments) const {
  std::string why;
  std::vector<Value> bound;
  for (const Overload& overload : overloads) {
    std::string problem = bind(*this, overload, arguments, bound);
    if (problem.empty()) {
      try {
        return overload.run(self, bound);
      } catch (const ArgumentMismatch& error) {
        problem = fmt::format("{}(): argument {}: {}", name,
                              name_of_parameter(overload, error.index()), error.message());
      }
    }
    if (!why.empty()) why += "; or ";
    why += problem;
  }
  refuse(std::move(why));
}

namespace {

std::string signature_of(const Overload& overload) {
  std::string text = "(";
  for (std::size_t i = 0; i < overload.arity; ++i) {
    if (i > 0) text += ", ";
    if (i >= overload.parameters.size()) {
      text += fmt::format("arg{}", i + 1);
      continue;
    }
    text += overload.parameters[i].name;
    if (overload.parameters[i].fallback) text += "=" + to_text(*overload.parameters[i].fallback);
  }
  if (overload.arity > 0 && overload.parameters.empty()) text += ", /";
  return text + ")";
}

}  // namespace

std::string Function::text_signature() const {
  const std::string first = signature_of(overloads.front());
  for (const Overload& overload : overloads) {
    if (signature_of(overload) != first) return "(*args, **kwargs)";
  }
  return first;
}

std::string Function::described() const {
  if (overloads.size() == 1) return doc;
  std::string text;
  for (const Overload& overload : overloads) text += name + signature_of(overload) + "\n";
  return doc.empty() ? text : text + "\n" + doc;
}

void Class::add(std::string_view function, Overload overload, std::string its_doc) {
  Function& entry = functions[std::string(function)];
  entry.name = function;
  entry.overloads.push_back(std::move(overload));
  if (!its_doc.empty()) {
    if (!entry.doc.empty()) entry.doc += "\n\n";
    entry.doc += its_doc;
  }
}

void register_class(const std::type_info& type, std::shared_ptr<const Class> of) {
  Registry& the = registry();
  const std::scoped_lock lock(the.mutex);
  const std::string name = of->name;
  if (!the.classes.emplace(type, std::move(of)).second) {
    throw std::logic_error("the type that '" + name + "' is for has a service already");
  }
}

std::shared_ptr<const Class> class_of(const std::type_info& type) {
  Registry& the = registry();
  const std::scoped_lock lock(the.mutex);
  const auto found = the.classes.find(type);
  if (found == the.classes.end()) {
    throw std::logic_error(std::string("no service() says what peers may do with a ") +
                           type.name());
  }
  return found->second;
}

}  // namespace sinew::detail
