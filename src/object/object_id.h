#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sinew::object {

/// How RPyC names an object on the wire: the class's full name, a number for the class and one for
/// the instance (source: RPyC wire, docs/protocols/rpyc.md section 2.5). The numbers mean nothing
/// to the peer but equality; instance 0 says that the object is itself a class.
///
/// This one borrows the name from the message it was read from.
struct ObjectIdView {
  std::string_view name;
  std::int64_t class_id = 0;
  std::int64_t instance_id = 0;
};

/// The same, owning the name.
struct ObjectId {
  std::string name;
  std::int64_t class_id = 0;
  std::int64_t instance_id = 0;

  ObjectIdView view() const noexcept { return {name, class_id, instance_id}; }
};

/// The part of an id that tables are keyed by.
struct IdKey {
  std::int64_t class_id;
  std::int64_t instance_id;

  bool operator==(const IdKey&) const noexcept = default;
};

/// Mixes both numbers: addresses differ in few low bits, counters in few of any.
struct IdKeyHash {
  std::size_t operator()(const IdKey& key) const noexcept {
    auto mixed = static_cast<std::uint64_t>(key.class_id) * 0x9e3779b97f4a7c15u;
    mixed ^= static_cast<std::uint64_t>(key.instance_id) + (mixed >> 29);
    mixed *= 0xbf58476d1ce4e5b9u;
    return static_cast<std::size_t>(mixed ^ (mixed >> 32));
  }
};

}  // namespace sinew::object
