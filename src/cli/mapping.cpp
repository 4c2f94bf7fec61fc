#include "cli/mapping.h"

#include <memory>
#include <optional>
#include <string>

#include "sinew/python_error.hpp"

namespace sinew::cli {
namespace {

Iterator<Value> keys_of(const std::shared_ptr<const Mapping>& mapping) {
  return Iterator<Value>([mapping, next = std::size_t{0}]() mutable -> std::optional<Value> {
    if (next == mapping->size()) return std::nullopt;
    return mapping->pairs()[next++].first;
  });
}

std::vector<Value> column(const Mapping& mapping, Value std::pair<Value, Value>::* which) {
  std::vector<Value> found;
  for (const auto& pair : mapping.pairs()) found.push_back(pair.*which);
  return found;
}

}  // namespace

Mapping::Mapping(std::vector<std::pair<Value, Value>> pairs) {
  for (auto& pair : pairs) {
    if (const Value* const before = find(pair.first)) {
      const_cast<Value&>(*before) = std::move(pair.second);  // of pairs_, which is ours
    } else {
      pairs_.push_back(std::move(pair));
    }
  }
}

const Value* Mapping::find(const Value& key) const noexcept {
  for (const auto& [one, value] : pairs_) {
    if (one == key) return &value;
  }
  return nullptr;
}

void define_mapping() {
  service<Mapping>("sinew.Mapping", "A dictionary on the command line of a client.")
      .def("__len__", [](const Mapping& self) { return self.size(); })
      .def("__contains__",
           [](const Mapping& self, const Value& key) { return self.find(key) != nullptr; })
      .def("__getitem__",
           [](const Mapping& self, const Value& key) {
             if (const Value* const found = self.find(key)) return *found;
             throw PythonError("KeyError", {key});
           })
      .def("__iter__",
           [](const Mapping& self) { return keys_of(std::make_shared<const Mapping>(self)); })
      .def("get",
           [](const Mapping& self, const Value& key) {
             const Value* const found = self.find(key);
             return found != nullptr ? *found : Value();
           })
      .def("get",
           [](const Mapping& self, const Value& key, const Value& otherwise) {
             const Value* const found = self.find(key);
             return found != nullptr ? *found : otherwise;
           })
      .def("keys",
           [](const Mapping& self) { return column(self, &std::pair<Value, Value>::first); })
      .def("values",
           [](const Mapping& self) { return column(self, &std::pair<Value, Value>::second); })
      .def("items", [](const Mapping& self) { return self.pairs(); });
}

}  // namespace sinew::cli
