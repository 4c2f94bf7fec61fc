#include "api/forwarder.h"

#include <map>
#include <memory>
#include <mutex>
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

// The forwarders that exist.
struct Forwarders {
  std::mutex mutex;
  std::map<const Import*, std::weak_ptr<Forwarder>> known;  // guarded by mutex
};

Forwarders& forwarders() {
  static auto* const the = new Forwarders();  // never destroyed: threads may outlive static objects
  return *the;
}

}  // namespace

std::shared_ptr<Servant> forwarder_for(std::shared_ptr<Import> target) {
  Forwarders& the = forwarders();
  std::shared_ptr<Forwarder> forwarder;  // outlives the lock: its destructor takes it
  const std::scoped_lock lock(the.mutex);
  auto& known = the.known[target.get()];
  forwarder = known.lock();
  if (!forwarder) {
    forwarder = std::make_shared<Forwarder>(std::move(target));
    known = forwarder;
  }
  return forwarder;
}

Forwarder::~Forwarder() {
  Forwarders& the = forwarders();
  const std::scoped_lock lock(the.mutex);
  const auto found = the.known.find(target_.get());
  if (found != the.known.end() && found->second.expired()) the.known.erase(found);
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
std::string Forwarder::str() const { return Object(target()).str(); }
std::int64_t Forwarder::hash() const { return Object(target()).hash(); }

Value Forwarder::compare(std::string_view how, const Value& other) {
  return ask(target(), {Verb::kCompare, how, {&other, 1}, {}});
}

Value Forwarder::call(const Arguments& arguments) {
  const std::vector<NamedArgument> named = named_of(arguments);
  return ask(target(), {Verb::kCall, {}, arguments.positional, named});
}

Value Forwarder::call_method(std::string_view name, const Arguments& arguments) {
  const std::vector<NamedArgument> named = named_of(arguments);
  return ask(target(), {Verb::kCallMethod, name, arguments.positional, named});
}

}  // namespace sinew::detail
