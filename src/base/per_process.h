#pragma once

#include <pthread.h>

#include <atomic>

namespace sinew {

/// The one T of this process, made when it is first asked for. A child after fork() gets its own,
/// because the threads that served the parent's are not there. Never destroyed: a thread of it may
/// outlive every static object. Throws std::bad_alloc, and what T's constructor does.
///
/// threads: any.
template <class T>
T& per_process() {
  static std::atomic<T*> current{nullptr};
  if (T* const here = current.load(std::memory_order_acquire)) return *here;
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { current.store(nullptr); });
  static_cast<void>(registered);
  auto* const fresh = new T();
  T* expected = nullptr;
  if (current.compare_exchange_strong(expected, fresh)) return *fresh;
  delete fresh;
  return *expected;
}

}  // namespace sinew
