#pragma once

#include <pthread.h>

#include <atomic>

namespace sinew {

/// Has `function` called in each child after fork(), by an object of namespace scope: when the
/// library is loaded, and not when it is first needed. A local static that another thread is just
/// making when the program forks is never made in the child, and who asks for it there waits for
/// ever (fork() itself keeps that thread in pthread_atfork()).
class AfterFork {
 public:
  explicit AfterFork(void (*function)()) noexcept {
    static_cast<void>(::pthread_atfork(nullptr, nullptr, function));
  }
};

namespace detail {

template <class T>
struct PerProcess {
  static inline std::atomic<T*> current{nullptr};
  static inline const AfterFork forget{[] { current.store(nullptr); }};
};

}  // namespace detail

/// The one T of this process, made when it is first asked for. A child after fork() gets its own,
/// because the threads that served the parent's are not there. Never destroyed: a thread of it may
/// outlive every static object. Throws std::bad_alloc, and what T's constructor does.
///
/// threads: any.
template <class T>
T& per_process() {
  auto& current = detail::PerProcess<T>::current;
  static_cast<void>(&detail::PerProcess<T>::forget);  // or it would not be there
  if (T* const here = current.load(std::memory_order_acquire)) return *here;
  auto* const fresh = new T();
  T* expected = nullptr;
  if (current.compare_exchange_strong(expected, fresh)) return *fresh;
  delete fresh;
  return *expected;
}

}  // namespace sinew
