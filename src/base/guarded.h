#pragma once

#include <mutex>
#include <utility>

// Clang checks the locking at compile time (-Wthread-safety); other compilers see nothing.
#if defined(__clang__)
#define SINEW_THREAD_SAFETY_(attribute) __attribute__((attribute))
#else
#define SINEW_THREAD_SAFETY_(attribute)
#endif

/// On a data member: it may be touched only while `mutex` is held.
#define SINEW_GUARDED_BY(mutex) SINEW_THREAD_SAFETY_(guarded_by(mutex))
/// On a function: the caller holds the mutexes.
#define SINEW_REQUIRES(...) SINEW_THREAD_SAFETY_(requires_capability(__VA_ARGS__))
/// On a function: the caller does not hold the mutexes, because the function takes them.
#define SINEW_EXCLUDES(...) SINEW_THREAD_SAFETY_(locks_excluded(__VA_ARGS__))

namespace sinew {

/// std::mutex with the attributes that clang's thread-safety analysis needs. Satisfies Lockable, so
/// std::unique_lock takes it, but only MutexLock is understood by the analysis.
///
/// threads: any. Nothing that can block, no user code and no destructor of unknown type may run
/// while one is held.
class SINEW_THREAD_SAFETY_(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() SINEW_THREAD_SAFETY_(acquire_capability()) { mutex_.lock(); }
  void unlock() SINEW_THREAD_SAFETY_(release_capability()) { mutex_.unlock(); }
  bool try_lock() SINEW_THREAD_SAFETY_(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for a scope.
class SINEW_THREAD_SAFETY_(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SINEW_THREAD_SAFETY_(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() SINEW_THREAD_SAFETY_(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// Data that lives in its lock: there is no way to the data but through lock().
///
///     Guarded<State> state_;
///     auto state = state_.lock();   // held until `state` goes out of scope
///     state->count += 1;
///
/// Move out what has a destructor of its own before the scope ends, and let it die afterwards.
///
/// threads: any.
template <class T>
class Guarded {
 public:
  /// The lock and the way to the data. Neither copied nor moved: it ends with its scope, or with
  /// unlock().
  template <class U>
  class [[nodiscard]] Access {
   public:
    explicit Access(std::mutex& mutex, U& value) : lock_(mutex), value_(&value) {}

    U* operator->() const noexcept { return value_; }
    U& operator*() const noexcept { return *value_; }

    /// Lets go before the scope ends. The data must not be touched through this afterwards.
    void unlock() {
      value_ = nullptr;
      lock_.unlock();
    }

   private:
    std::unique_lock<std::mutex> lock_;
    U* value_;
  };

  Guarded() = default;

  /// Constructs the data from `arguments`.
  template <class... Arguments>
  explicit Guarded(std::in_place_t, Arguments&&... arguments)
      : value_(std::forward<Arguments>(arguments)...) {}

  Access<T> lock() { return Access<T>(mutex_, value_); }
  Access<const T> lock() const { return Access<const T>(mutex_, value_); }

  /// Swaps a new value in and returns the old one, to be destroyed without the lock.
  T exchange(T value) {
    auto held = lock();
    std::swap(*held, value);
    return value;
  }

 private:
  mutable std::mutex mutex_;
  T value_{};  // guarded by mutex_, which Access holds
};

}  // namespace sinew
