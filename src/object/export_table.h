#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <tsl/robin_map.h>

#include "base/counters.h"
#include "base/errc.h"
#include "object/object_id.h"

namespace sinew::object {

/// Exports: objects of ours that the peer holds. Each entry counts how often its id was sent; the
/// peer returns that many counts (a release) before the entry goes, so a release that crosses a
/// new sending of the same object cannot end it early.
///
/// Ids of instances are serial numbers that are never used again, so a stale reference finds
/// nothing rather than another object. Ids of classes carry the class's own number and instance 0,
/// as the wire demands.
///
/// `Handle` owns an object; `Identity` tells two objects apart (the address). Entries that are
/// erased are *returned*: the caller lets go of them when it holds no lock, because that may run
/// any code.
///
/// threads: one at a time; the owner of the table locks (Python: the GIL).
template <class Handle, class Identity>
class ExportTable {
 public:
  explicit ExportTable(std::size_t max_exports) noexcept : max_exports_(max_exports) {}

  /// Counts one sending of the object and returns its id, valid until the next call of a non-const
  /// member. `describe` is called for an object that is not in the table yet and returns the id it
  /// would like: instance_id 0 for a class, 1 for an instance (a serial number is put in its
  /// place). A wish that another object has already is granted with other numbers. Fails with
  /// kTooManyExports.
  template <class Describe, class MakeHandle>
  Result<ObjectIdView> add(Identity identity, Describe describe, MakeHandle make_handle) {
    if (const auto known = count_known(identity)) return *known;
    if (entries_.size() >= max_exports_) return fail(Errc::kTooManyExports);
    ObjectId wish = describe();
    // Describing may run code of the object, and that may have sent it.
    if (const auto known = count_known(identity)) return *known;
    IdKey key{wish.class_id, wish.instance_id == 0 ? 0 : next_serial_++};
    std::int64_t& changeable = key.instance_id == 0 ? key.class_id : key.instance_id;
    while (entries_.contains(key)) changeable = next_serial_++;
    keys_.emplace(identity, key);
    const auto entry =
        entries_.emplace(key, Entry{make_handle(), identity, std::move(wish.name), 1}).first;
    return entry->second.view(key);
  }

  /// The object with this id, or null. Valid until the next call of a non-const member.
  const Handle* find(const ObjectIdView& id) const {
    const auto entry = entries_.find(IdKey{id.class_id, id.instance_id});
    return entry == entries_.end() ? nullptr : &entry->second.handle;
  }

  /// The id of an object that is in the table. Valid until the next call of a non-const member.
  std::optional<ObjectIdView> id_of(Identity identity) const {
    const auto known = keys_.find(identity);
    if (known == keys_.end()) return std::nullopt;
    return entries_.find(known->second)->second.view(known->second);
  }

  /// Counts one sending that did not happen: keeps an object that is in the table, for whoever is
  /// going to look for it there, until it is released for that, too. False if there is none.
  bool retain(const ObjectIdView& id) {
    const auto entry = entries_.find(IdKey{id.class_id, id.instance_id});
    if (entry == entries_.end()) return false;
    ++entry.value().count;
    return true;
  }

  /// What came of a release.
  struct Released {
    std::optional<Handle> handle;  ///< the object, if the peer holds it no longer
    Result<void> outcome;
  };

  /// The peer returns `count` sendings of the object. The outcome is kUnknownObject, or
  /// kReleaseUnderflow for more than were sent (the entry is gone then all the same: the peer says
  /// that it holds nothing).
  Released release(const ObjectIdView& id, std::uint64_t count) {
    const IdKey key{id.class_id, id.instance_id};
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return {.handle = {}, .outcome = fail(Errc::kUnknownObject)};
    if (count < entry->second.count) {
      entry.value().count -= count;
      return {};
    }
    const bool underflow = count > entry->second.count;
    Released released{.handle = std::move(entry.value().handle), .outcome = {}};
    if (underflow) released.outcome = fail(Errc::kReleaseUnderflow);
    keys_.erase(entry->second.identity);
    entries_.erase(entry);
    return released;
  }

  /// Empties the table (the end of the connection) and returns what was in it.
  std::vector<Handle> clear() {
    std::vector<Handle> handles;
    handles.reserve(entries_.size());
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      handles.push_back(std::move(entry.value().handle));
    }
    entries_.clear();
    keys_.clear();
    return handles;
  }

  /// Calls `visit` with each handle until it returns non-zero, and returns that, or 0.
  template <class Visit>
  int for_each(Visit visit) const {
    for (const auto& [key, entry] : entries_) {
      if (const int result = visit(entry.handle); result != 0) return result;
    }
    return 0;
  }

  /// Calls `visit(id, handle, count)` for each entry until it returns false. It must change
  /// nothing.
  template <class Visit>
  void for_each_entry(Visit visit) const {
    for (const auto& [key, entry] : entries_) {
      if (!visit(entry.view(key), entry.handle, entry.count)) return;
    }
  }

  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    Handle handle;
    Identity identity;
    std::string name;
    std::uint64_t count;
    [[no_unique_address]] LiveCount<Counted::kExport> live{};

    ObjectIdView view(const IdKey& key) const noexcept {
      return {name, key.class_id, key.instance_id};
    }
  };

  std::optional<ObjectIdView> count_known(Identity identity) {
    const auto known = keys_.find(identity);
    if (known == keys_.end()) return std::nullopt;
    auto entry = entries_.find(known->second);
    ++entry.value().count;
    return entry->second.view(known->second);
  }

  const std::size_t max_exports_;
  std::int64_t next_serial_ = 1;
  tsl::robin_map<IdKey, Entry, IdKeyHash> entries_;
  tsl::robin_map<Identity, IdKey> keys_;
};

}  // namespace sinew::object
