#pragma once

#include <memory>

#include "api/peer.h"

namespace sinew::detail {

/// Stands in for an object of one peer towards another: what is asked of it is asked of the object,
/// by the thread that serves.
class Forwarder final : public Servant {
 public:
  explicit Forwarder(std::shared_ptr<Import> target) : target_(std::move(target)) {}
  ~Forwarder() override;

  Value target() const { return Opaque{.id = kImport, .object = target_}; }

  std::string type_name() const override { return target_->id.name; }
  std::vector<Member> methods() const override;
  std::string doc() const override;
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
  const std::shared_ptr<Import> target_;
};

/// One for each object, as long as a peer holds it: it is the same object for them, too.
std::shared_ptr<Servant> forwarder_for(std::shared_ptr<Import> target);

}  // namespace sinew::detail
