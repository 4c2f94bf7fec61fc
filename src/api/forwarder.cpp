#include "api/forwarder.h"

#include <utility>

#include "sinew/object.hpp"

namespace sinew::detail {
namespace {

std::vector<NamedArgument> named_of(const Arguments& arguments) {
  std::vector<NamedArgument> named;
  named.reserve(arguments.named.size());
  for (const auto& [name, value] : arguments.named) named.push_back({name, value});
  return named;
}

}  // namespace

// One for each time that it is sent: the peer sees two proxies, of the same object.
std::shared_ptr<Servant> forwarder_for(std::shared_ptr<Import> target) {
  return std::make_shared<Forwarder>(std::move(target));
}

std::vector<Member> Forwarder::methods() const {
  std::vector<Member> methods;
  for (std::string& name : Object(target()).dir()) methods.push_back({std::move(name), {}});
  return methods;
}

std::string Forwarder::doc() const { return Object(target()).doc(); }
Value Forwarder::get(std::string_view name) { return Object(target()).get(name).value(); }
void Forwarder::set(std::string_view name, const Value& value) {
  Object(target()).set(name, value);
}
void Forwarder::del(std::string_view name) { Object(target()).del(name); }
std::string Forwarder::repr() const { return Object(target()).repr(); }

Value Forwarder::call(const Arguments& arguments) {
  const std::vector<NamedArgument> named = named_of(arguments);
  return ask(target(), {Verb::kCall, {}, arguments.positional, named});
}

Value Forwarder::call_method(std::string_view name, const Arguments& arguments) {
  const std::vector<NamedArgument> named = named_of(arguments);
  return ask(target(), {Verb::kCallMethod, name, arguments.positional, named});
}

}  // namespace sinew::detail
