#include "api/instance.h"

#include <atomic>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "api/peer.h"
#include "sinew/argument.hpp"
#include "sinew/detail/request.hpp"
#include "sinew/object.hpp"
#include "sinew/python_error.hpp"
#include "sinew/service.hpp"

namespace sinew::detail {
namespace {

// The servants that exist, so that one object is one reference.
struct Instances {
  using Key = std::pair<const void*, const Class*>;
  std::mutex mutex;
  std::map<Key, std::weak_ptr<InstanceServant>> known;  // guarded by mutex
};

Instances& instances() {
  static auto* const the = new Instances();  // never destroyed: threads may outlive static objects
  return *the;
}

std::string_view without_prefix(std::string_view name) noexcept {
  constexpr std::string_view kPrefix = "exposed_";
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

// A method of an object, as Python has them: it knows what it is called and how it is called. Its
// type is the one of Python's functions that are not written in Python, so that inspect and help()
// show it as such.
class MethodServant final : public Servant {
 public:
  MethodServant(Self object, std::shared_ptr<const Class> of, const Function& function)
      : object_(std::move(object)), class_(std::move(of)), function_(function) {}

  std::string type_name() const override { return "builtins.builtin_function_or_method"; }
  std::vector<Member> methods() const override { return {{"__call__", doc()}}; }
  std::string doc() const override { return function_.described(); }

  Value get(std::string_view name) override {
    if (name == "__name__") return function_.name;
    if (name == "__qualname__") return class_->name + "." + function_.name;
    if (name == "__module__") return Value();
    if (name == "__self__") return Value();
    if (name == "__text_signature__") {
      return Value(function_.text_signature());
    }
    return Servant::get(name);
  }
  Value call(const Arguments& arguments) override { return function_.call(object_, arguments); }
  std::string repr() const override {
    return fmt::format("<method '{}' of '{}' object>", function_.name, class_->name);
  }

 private:
  const Self object_;
  const std::shared_ptr<const Class> class_;
  const Function& function_;  // of class_
};

class IteratorServant final : public Servant {
 public:
  explicit IteratorServant(std::function<std::optional<Value>()> next) : next_(std::move(next)) {}

  std::string type_name() const override { return "sinew.iterator"; }
  std::vector<Member> methods() const override { return {{"__iter__", {}}, {"__next__", {}}}; }

  Value call_method(std::string_view name, const Arguments& arguments) override {
    if (name == "__iter__") return reference_to(self_.lock());
    if (name != "__next__") return Servant::call_method(name, arguments);
    // As a generator: one at a time, and what it calls may not ask it either.
    if (running_.exchange(true, std::memory_order_acquire)) {
      throw PythonError("ValueError", {Value("iterator already executing")});
    }
    const auto over = [this](void*) { running_.store(false, std::memory_order_release); };
    const std::unique_ptr<void, decltype(over)> guard(this, over);
    if (next_) {
      if (std::optional<Value> item = next_()) return *std::move(item);
      next_ = nullptr;
    }
    throw PythonError("StopIteration");
  }
  Value get(std::string_view name) override { return bound_method(self_.lock(), name); }

  std::weak_ptr<Servant> self_;

 private:
  static Value bound_method(std::shared_ptr<Servant> self, std::string_view name) {
    if (name != "__next__" && name != "__iter__") return self->Servant::get(name);
    return to_value(std::function<Object()>(
        [self, name = std::string(name)] { return Object(self->call_method(name, {})); }));
  }

  std::atomic<bool> running_{false};
  std::function<std::optional<Value>()> next_;  // of the thread that has set running_
};

}  // namespace

InstanceServant::~InstanceServant() {
  Instances& the = instances();
  const std::scoped_lock lock(the.mutex);
  const auto found = the.known.find({object_.get(), class_.get()});
  if (found != the.known.end() && found->second.expired()) the.known.erase(found);
}

Value instance_value(Self object, std::shared_ptr<const Class> of) {
  Instances& the = instances();
  std::shared_ptr<InstanceServant> servant;  // outlives the lock: its destructor takes it
  const std::scoped_lock lock(the.mutex);
  auto& known = the.known[{object.get(), of.get()}];
  servant = known.lock();
  if (!servant) {
    servant = std::make_shared<InstanceServant>(std::move(object), std::move(of));
    known = servant;
  }
  return reference_to(servant);
}

Value instance_value(Self object, const std::type_info& type) {
  return instance_value(std::move(object), class_of(type));
}

Self instance_of(const Value& value, const std::type_info& type) {
  const std::shared_ptr<const Class> wanted = class_of(type);
  if (value.kind() == ValueKind::kOther && value.opaque().id == kServant) {
    const auto* const servant = dynamic_cast<const InstanceServant*>(
        static_cast<const Servant*>(value.opaque().object.get()));
    if (servant != nullptr && servant->of() == wanted) return servant->object();
  }
  refuse_conversion(value, "an object of '" + wanted->name + "' of this program");
}

Value iterator_value(std::function<std::optional<Value>()> next) {
  auto servant = std::make_shared<IteratorServant>(std::move(next));
  servant->self_ = servant;
  return reference_to(std::move(servant));
}

std::vector<Member> InstanceServant::methods() const {
  std::vector<Member> members;
  for (const auto& [name, function] : class_->functions)
    members.push_back({name, function.described()});
  return members;
}

std::vector<std::string> InstanceServant::dir() const {
  std::vector<std::string> names;
  for (const auto& [name, function] : class_->functions) names.push_back(name);
  for (const auto& [name, property] : class_->properties) names.push_back(name);
  for (const auto& [name, constant] : class_->constants) names.push_back(name);
  return names;
}

Value InstanceServant::get(std::string_view asked) {
  const std::string_view name = without_prefix(asked);
  if (const auto property = class_->properties.find(name); property != class_->properties.end()) {
    return property->second.get(object_);
  }
  if (const auto function = class_->functions.find(name); function != class_->functions.end()) {
    return reference_to(std::make_shared<MethodServant>(object_, class_, function->second));
  }
  if (const auto constant = class_->constants.find(name); constant != class_->constants.end()) {
    return constant->second;
  }
  return Servant::get(asked);
}

void InstanceServant::set(std::string_view asked, const Value& value) {
  const auto property = class_->properties.find(without_prefix(asked));
  if (property == class_->properties.end()) refuse_attribute(*this, asked);
  if (!property->second.set) {
    throw PythonError(
        "AttributeError",
        {Value(fmt::format("'{}' of '{}' objects cannot be set", asked, class_->name))});
  }
  property->second.set(object_, value);
}

void InstanceServant::del(std::string_view name) {
  throw PythonError(
      "AttributeError",
      {Value(fmt::format("'{}' of '{}' objects cannot be deleted", name, class_->name))});
}

Value InstanceServant::call(const Arguments& arguments) {
  return class_->functions.contains("__call__") ? call_method("__call__", arguments)
                                                : Servant::call(arguments);
}

Value InstanceServant::call_method(std::string_view asked, const Arguments& arguments) {
  const std::string_view name = without_prefix(asked);
  const auto function = class_->functions.find(name);
  if (function != class_->functions.end()) return function->second.call(object_, arguments);
  // What is not a method may still be something that can be called.
  const Value value = get(asked);
  if (import_of(value) != nullptr) {  // a client's function, which is called there
    std::vector<NamedArgument> named;
    for (const auto& [key, item] : arguments.named) named.push_back({key, item});
    return ask(value, {Verb::kCall, {}, arguments.positional, named});
  }
  if (value.kind() != ValueKind::kOther || value.opaque().id != kServant) {
    throw PythonError(
        "TypeError",
        {Value(fmt::format("'{}' object is not callable", Object(value).type_name()))});
  }
  return static_cast<Servant*>(value.opaque().object.get())->call(arguments);
}

// A special method that the class defines.
const Function* InstanceServant::own(std::string_view name) const {
  const auto found = class_->functions.find(name);
  return found != class_->functions.end() ? &found->second : nullptr;
}

std::string InstanceServant::repr() const {
  const Function* const function = own("__repr__");
  return function != nullptr ? from_value<std::string>(function->call(object_, {}))
                             : Servant::repr();
}

std::string InstanceServant::str() const {
  const Function* const function = own("__str__");
  return function != nullptr ? from_value<std::string>(function->call(object_, {})) : repr();
}

std::int64_t InstanceServant::hash() const {
  const Function* const function = own("__hash__");
  return function != nullptr ? from_value<std::int64_t>(function->call(object_, {}))
                             : Servant::hash();
}

// As in Python, != is the opposite of an == that is defined alone.
Value InstanceServant::compare(std::string_view how, const Value& other) {
  if (const Function* const function = own(how)) return function->call(object_, {{&other, 1}, {}});
  if (how != "__ne__" || own("__eq__") == nullptr) return Servant::compare(how, other);
  return !Object(compare("__eq__", other)).truth();
}

}  // namespace sinew::detail

namespace sinew {

Module::Module(std::string name, std::string doc) : class_(std::make_shared<detail::Class>()) {
  class_->name = std::move(name);
  class_->doc = std::move(doc);
}

Object Module::object() const { return detail::instance_value(class_, class_); }

}  // namespace sinew
