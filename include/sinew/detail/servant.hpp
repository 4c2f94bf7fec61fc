#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/value.hpp"

namespace sinew::detail {

/// The arguments of a call that is served.
struct Arguments {
  std::span<const Value> positional;
  std::span<const std::pair<std::string, Value>> named;
};

/// What the peer may know of an attribute.
struct Member {
  std::string name;
  std::string doc;  ///< empty: none
};

/// An object of ours as a peer sees it. Only what it says is there is reachable.
///
/// Everything that is thrown goes to the peer as an exception (docs/cpp.md).
///
/// threads: several at once, if the peer has several.
class Servant {
 public:
  Servant() noexcept;
  virtual ~Servant() = default;

  /// Of its type: "calc.Calculator".
  virtual std::string type_name() const = 0;
  /// Its methods, for the peer's proxies and dir().
  virtual std::vector<Member> methods() const = 0;
  virtual std::string doc() const { return {}; }
  /// The names of all its attributes.
  virtual std::vector<std::string> dir() const;

  virtual Value get(std::string_view name);
  virtual void set(std::string_view name, const Value& value);
  virtual void del(std::string_view name);
  virtual Value call(const Arguments& arguments);
  virtual Value call_method(std::string_view name, const Arguments& arguments);
  virtual std::string repr() const;
  virtual std::string str() const { return repr(); }

  /// Python compares and hashes what does not know better by identity. `how` is the method,
  /// "__eq__"; the result may be NotImplemented.
  virtual std::int64_t hash() const;
  virtual Value compare(std::string_view how, const Value& other);

 protected:
  /// Of this object, in the process: what peers see instead of an address.
  std::uint64_t serial() const noexcept { return serial_; }

 private:
  const std::uint64_t serial_;
};

/// The value that stands for the object when it is sent.
Value reference_to(std::shared_ptr<Servant> servant);

/// Throws what the peer is to see as AttributeError.
[[noreturn]] void refuse_attribute(const Servant& servant, std::string_view name);

}  // namespace sinew::detail
