#pragma once

#include <map>
#include <new>
#include <utility>
#include <vector>

#include "dialect/rpyc/references.h"
#include "object/object_id.h"
#include "rpc/connection.h"

namespace sinew::dialect::rpyc {

/// What unread answers name of ours, and the peer has given back since: it sends an object home in
/// an answer and lets go of it at once, while the answer is read later, by another thread or from
/// an async result. Each is kept by one more count in the table of exports.
///
/// threads: one at a time; guarded by what guards the table.
class KeptExports {
 public:
  /// Keeps in `table` what the answers name that came before the release which is about to be
  /// served.
  template <class Table>
  void keep(rpc::Connection& connection, Table& table, std::size_t max_depth) noexcept {
    connection.visit_unread([&](const rpc::Call& call) {
      Reader in(call.body().bytes());
      static_cast<void>(for_each_export(in, max_depth, [&](const object::ObjectIdView& id) {
        if (!table.retain(id)) return;
        try {
          kept_[&call].push_back({id.class_id, id.instance_id});
        } catch (const std::bad_alloc&) {
          return;  // kept until the connection ends
        }
      }));
    });
  }

  /// What was kept for a call, whose answer has been read or never will be: to be released, once
  /// each.
  std::vector<object::IdKey> take(const rpc::Call& call) noexcept {
    const auto found = kept_.empty() ? kept_.end() : kept_.find(&call);
    if (found == kept_.end()) return {};
    std::vector<object::IdKey> kept = std::move(found->second);
    kept_.erase(found);
    return kept;
  }

  void clear() noexcept { kept_.clear(); }

 private:
  std::map<const rpc::Call*, std::vector<object::IdKey>> kept_;
};

}  // namespace sinew::dialect::rpyc
