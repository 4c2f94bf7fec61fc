#include "sinew/detail/servant.hpp"

#include <atomic>

#include <fmt/format.h>

#include "sinew/python_error.hpp"

namespace sinew::detail {
namespace {

std::uint64_t next_serial() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

void refuse_attribute(const Servant& servant, std::string_view name) {
  throw PythonError(
      "AttributeError",
      {Value(fmt::format("'{}' object has no attribute '{}'", servant.type_name(), name))});
}

Servant::Servant() noexcept : serial_(next_serial()) {}

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

std::string Servant::repr() const { return fmt::format("<{} object {}>", type_name(), serial_); }

std::int64_t Servant::hash() const { return static_cast<std::int64_t>(serial_); }

Value Servant::compare(std::string_view how, const Value& other) {
  const bool same = other.kind() == ValueKind::kOther && other.opaque().object.get() == this;
  if (how == "__eq__") return same;
  if (how == "__ne__") return !same;
  return Value::not_implemented();
}

}  // namespace sinew::detail
