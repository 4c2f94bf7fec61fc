#include "sinew/detail/servant.hpp"

#include <fmt/format.h>

#include "sinew/python_error.hpp"

namespace sinew::detail {

void refuse_attribute(const Servant& servant, std::string_view name) {
  throw PythonError(
      "AttributeError",
      {Value(fmt::format("'{}' object has no attribute '{}'", servant.type_name(), name))});
}

std::vector<std::string> Servant::dir() const {
  std::vector<std::string> names;
  for (Member& method : methods()) names.push_back(std::move(method.name));
  return names;
}

Value Servant::get(std::string_view name) {
  if (name == "__doc__") return doc().empty() ? Value() : Value(doc());
  refuse_attribute(*this, name);
}

void Servant::set(std::string_view name, const Value& /*value*/) { refuse_attribute(*this, name); }
void Servant::del(std::string_view name) { refuse_attribute(*this, name); }

Value Servant::call(const Arguments& /*arguments*/) {
  throw PythonError("TypeError", {Value(fmt::format("'{}' object is not callable", type_name()))});
}

Value Servant::call_method(std::string_view name, const Arguments& arguments) {
  if (name == "__call__") return call(arguments);
  refuse_attribute(*this, name);
}

std::string Servant::repr() const {
  return fmt::format("<{} object at {}>", type_name(), static_cast<const void*>(this));
}

}  // namespace sinew::detail
