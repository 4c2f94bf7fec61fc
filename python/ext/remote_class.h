#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tsl/robin_map.h>

#include "base/writer.h"
#include "object/object_id.h"
#include "py_ref.h"

namespace sinew::python {

/// A class of the peer, as far as we have met it: the part of an id that all its instances share,
/// and the proxy types made for them. Lives as long as its connection.
struct RemoteClass {
  std::string name;  ///< "package.module.Class"; for a module its own name
  std::int64_t class_id = 0;
  /// The number that stands for class_id towards a third peer. Two upstream processes, forks of one
  /// above all, may give the same number to different classes.
  std::int64_t passed_on_id = 0;
  std::string wire_prefix;  ///< an id's bytes up to the instance number, ready to send
  PyRef instance_type;      ///< the proxy type of instances; empty until one was seen
  PyRef class_type;         ///< the proxy type of the class object itself
  bool buffered = false;    ///< iterating over an instance may read ahead (built-in containers)

  /// Writes the id of an instance (0: of the class object).
  void write_id(Writer& out, std::int64_t instance_id) const;
};

/// The classes of one peer, by name and number.
///
/// threads: one at a time (the GIL). The number of classes and the length of their names are
/// bounded by the caller.
class RemoteClassTable {
 public:
  /// The class that `id` names, or null if it was never met. Valid for the table's life.
  RemoteClass* find(const object::ObjectIdView& id) noexcept;

  /// Adds the class that `id` names, which must not be there. Throws std::bad_alloc.
  RemoteClass& add(const object::ObjectIdView& id);

  std::size_t size() const noexcept { return classes_.size(); }

  /// All of them, in no order. Throws std::bad_alloc.
  std::vector<const RemoteClass*> list() const {
    std::vector<const RemoteClass*> all;
    for (const auto& [key, remote_class] : classes_) all.push_back(remote_class.get());
    return all;
  }

  int traverse(visitproc visit, void* arg) const noexcept;

  /// Lets go of the proxy types; for the end of the connection.
  void clear_types() noexcept;

 private:
  struct Key {
    std::string_view name;  // into the class itself, or into the message while looking up
    std::int64_t class_id;
    bool operator==(const Key&) const noexcept = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<std::string_view>()(key.name) ^
             (static_cast<std::size_t>(key.class_id) * 0x9e3779b97f4a7c15u);
    }
  };

  tsl::robin_map<Key, std::unique_ptr<RemoteClass>, KeyHash> classes_;
};

}  // namespace sinew::python
