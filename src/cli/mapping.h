#pragma once

#include <utility>
#include <vector>

#include "sinew/service.hpp"

namespace sinew::cli {

/// A dictionary of ours that a service gets as an argument: what Python calls a mapping that cannot
/// be changed. `dict(mapping)` over there makes one that can.
///
/// threads: any; it does not change.
class Mapping {
 public:
  /// The last of equal keys counts, as in Python.
  explicit Mapping(std::vector<std::pair<Value, Value>> pairs);

  std::size_t size() const noexcept { return pairs_.size(); }
  /// Null: there is no such key.
  const Value* find(const Value& key) const noexcept;
  const std::vector<std::pair<Value, Value>>& pairs() const noexcept { return pairs_; }

 private:
  std::vector<std::pair<Value, Value>> pairs_;
};

/// Tells the library what peers may do with a Mapping. Once, before the first is sent.
void define_mapping();

}  // namespace sinew::cli
