#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "sinew/argument.hpp"
#include "sinew/convert.hpp"
#include "sinew/value.hpp"

namespace sinew::detail {

/// What is asked of an object.
enum class Verb : std::uint8_t {
  kRoot,  ///< for the peer's root; of no object
  kPing,  ///< for a sign of life; of no object
  kGet,
  kSet,
  kDelete,
  kCall,
  kCallMethod,
  kRepr,
  kStr,
  kHash,
  kDir,
  kCompare,     ///< `name`: the method, "__lt__"
  kFetchItems,  ///< the next items of an iterator, at most positional[0]
  kIsInstance,
};

/// A request to be made. Borrows everything until it is sent.
struct Request {
  Verb verb;
  std::string_view name = {};
  std::span<const Value> positional = {};
  std::span<const NamedArgument> named = {};
};

/// The arguments of a call: the positional ones, then the named ones.
template <class... Args>
class Packed {
 public:
  explicit Packed(Args&&... args) {
    [[maybe_unused]] std::size_t positional = 0;
    [[maybe_unused]] std::size_t named = 0;
    (place(std::forward<Args>(args), positional, named), ...);
  }

  Request request(Verb verb, std::string_view name) const noexcept {
    return {verb, name, positional_, named_};
  }

 private:
  template <class T>
  static constexpr bool kIsNamed = std::same_as<std::remove_cvref_t<T>, NamedArgument>;
  static constexpr std::size_t kNamed = (std::size_t{0} + ... + (kIsNamed<Args> ? 1 : 0));

  static constexpr bool in_order() {
    bool named = false;
    bool right = true;
    ((right = right && (kIsNamed<Args> || !named), named = named || kIsNamed<Args>), ...);
    return right;
  }
  static_assert(in_order(), "a positional argument follows a named one");

  template <class T>
  void place(T&& argument, std::size_t& positional, std::size_t& named) {
    if constexpr (kIsNamed<T>) {
      named_[named++] = std::forward<T>(argument);
    } else {
      static_assert(Sendable<T>, "no sinew::Converter sends an argument of this type");
      positional_[positional++] = to_value(std::forward<T>(argument));
    }
  }

  std::array<Value, sizeof...(Args) - kNamed> positional_;
  std::array<NamedArgument, kNamed> named_;
};

/// A call under way. threads: any.
class Pending {
 public:
  virtual ~Pending() = default;

  virtual bool done() const noexcept = 0;

  /// Waits, serving meanwhile; no time: until the call's own is over. True when it is done.
  virtual bool wait(std::optional<std::chrono::nanoseconds> time) = 0;

  /// The result, waiting for it. Throws what the call has come to.
  virtual Value result() = 0;

  /// True if it was under way. The result then throws.
  virtual bool cancel() = 0;

  /// Has `function` called once it is done, by the thread that reads its answer; now, if it is.
  virtual void then(std::function<void()> function) = 0;
};

/// Asks `target`, waiting for the answer. Throws ConversionError if it is no reference.
Value ask(const Value& target, const Request& request);
std::shared_ptr<Pending> start(const Value& target, const Request& request);

}  // namespace sinew::detail
