#include "remote_class.h"

#include <array>
#include <atomic>
#include <utility>
#include <vector>

#include "wire/brine_tokens.h"

namespace sinew::python {
namespace {

// Containers whose iteration has no effect that anybody else could see, so that reading ahead is
// safe. Exact classes only: a subclass has another name and may do what it likes.
constexpr std::array<std::string_view, 12> kBufferedClasses = {
    "builtins.list",      "builtins.tuple",     "builtins.set",         "builtins.frozenset",
    "builtins.dict",      "builtins.range",     "builtins.str",         "builtins.bytes",
    "builtins.bytearray", "builtins.dict_keys", "builtins.dict_values", "builtins.dict_items"};

// Small numbers: no class of ours lies at such an address.
std::atomic<std::int64_t> passed_on_classes{1};

bool is_buffered(std::string_view name) noexcept {
  for (const std::string_view candidate : kBufferedClasses) {
    if (candidate == name) return true;
  }
  return false;
}

std::string make_prefix(const object::ObjectIdView& id) {
  Writer out;
  wire::write_tuple_header(out, 3);
  wire::write_text(out, id.name);
  wire::write_int(out, id.class_id);
  return std::string(as_text(out.copied()));
}

}  // namespace

void RemoteClass::write_id(Writer& out, std::int64_t instance_id) const {
  out.append(as_bytes(wire_prefix));
  wire::write_int(out, instance_id);
}

RemoteClass* RemoteClassTable::find(const object::ObjectIdView& id) noexcept {
  const auto found = classes_.find(Key{id.name, id.class_id});
  return found == classes_.end() ? nullptr : found.value().get();
}

RemoteClass& RemoteClassTable::add(const object::ObjectIdView& id) {
  auto fresh = std::make_unique<RemoteClass>();
  fresh->name = id.name;
  fresh->class_id = id.class_id;
  fresh->passed_on_id = passed_on_classes.fetch_add(1, std::memory_order_relaxed);
  fresh->wire_prefix = make_prefix(id);
  fresh->buffered = is_buffered(id.name);
  RemoteClass& result = *fresh;
  classes_.emplace(Key{result.name, result.class_id}, std::move(fresh));
  return result;
}

int RemoteClassTable::traverse(visitproc visit, void* arg) const noexcept {
  for (const auto& [key, remote] : classes_) {
    Py_VISIT(remote->instance_type.get());
    Py_VISIT(remote->class_type.get());
  }
  return 0;
}

void RemoteClassTable::clear_types() noexcept {
  // Collected first: letting go of a type may run code that comes back to this table.
  std::vector<PyRef> types;
  for (auto entry = classes_.begin(); entry != classes_.end(); ++entry) {
    types.push_back(std::move(entry.value()->instance_type));
    types.push_back(std::move(entry.value()->class_type));
  }
}

}  // namespace sinew::python
