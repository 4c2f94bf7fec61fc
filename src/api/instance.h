#pragma once

#include <memory>
#include <string>
#include <typeinfo>

#include "sinew/detail/class.hpp"
#include "sinew/detail/servant.hpp"

namespace sinew::detail {

/// Throws std::logic_error if there is none.
std::shared_ptr<const Class> class_of(const std::type_info& type);

/// An object of the program as peers see it: what its class says, under the names given there and,
/// for RPyC's sake, with "exposed_" in front of them.
///
/// threads: as the object.
class InstanceServant final : public Servant {
 public:
  InstanceServant(Self object, std::shared_ptr<const Class> of)
      : object_(std::move(object)), class_(std::move(of)) {}
  ~InstanceServant() override;

  const Self& object() const noexcept { return object_; }
  const std::shared_ptr<const Class>& of() const noexcept { return class_; }

  std::string type_name() const override { return class_->name; }
  std::vector<Member> methods() const override;
  std::vector<std::string> dir() const override;
  std::string doc() const override { return class_->doc; }
  Value get(std::string_view name) override;
  void set(std::string_view name, const Value& value) override;
  void del(std::string_view name) override;
  Value call(const Arguments& arguments) override;
  Value call_method(std::string_view name, const Arguments& arguments) override;
  std::string repr() const override;
  std::string str() const override;
  std::int64_t hash() const override;
  Value compare(std::string_view how, const Value& other) override;

 private:
  const Function* own(std::string_view name) const;

  const Self object_;
  const std::shared_ptr<const Class> class_;
};

}  // namespace sinew::detail
