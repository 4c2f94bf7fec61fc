#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/counters.h"

namespace sinew::object {

/// Imports that are to be released. A proxy's destructor may run on any thread, inside a garbage
/// collector or under somebody's lock, so all it does is push here; the next writer drains the
/// queue in front of its own message, so that releases cost no message of their own and cannot
/// overtake what was sent before them.
///
/// threads: push() any, lock-free; drain() any.
template <class T>
class ReleaseQueue {
 public:
  ReleaseQueue() = default;
  ReleaseQueue(const ReleaseQueue&) = delete;
  ReleaseQueue& operator=(const ReleaseQueue&) = delete;
  ~ReleaseQueue() {
    drain([](T&&) {});
  }

  bool empty() const noexcept { return head_.load(std::memory_order_relaxed) == nullptr; }

  /// Returns true when the queue was empty before. Throws std::bad_alloc.
  bool push(T item) {
    Node* const node = new Node{std::move(item), nullptr};
    Node* before = head_.load(std::memory_order_relaxed);
    do {
      node->next = before;
    } while (!head_.compare_exchange_weak(before, node, std::memory_order_release,
                                          std::memory_order_relaxed));
    return before == nullptr;  // not node->next: the node may be drained by now
  }

  /// Calls `visit` with each item, oldest first, and forgets it. Returns how many there were.
  template <class Visit>
  std::size_t drain(Visit visit) {
    Node* reversed = nullptr;
    for (Node* node = head_.exchange(nullptr, std::memory_order_acquire); node != nullptr;) {
      Node* const next = std::exchange(node->next, reversed);
      reversed = node;
      node = next;
    }
    std::size_t count = 0;
    for (; reversed != nullptr; ++count) {
      const std::unique_ptr<Node> node(reversed);
      reversed = node->next;
      visit(std::move(node->item));
    }
    return count;
  }

 private:
  struct Node {
    T item;
    Node* next;
    [[no_unique_address]] LiveCount<Counted::kRelease> live{};
  };

  std::atomic<Node*> head_{nullptr};
};

}  // namespace sinew::object
