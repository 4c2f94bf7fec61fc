#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "sinew/python.hpp"

namespace sinew::testing {

/// Counts those that live.
struct Probe {
  explicit Probe(int its_number) : number(its_number) { ++living; }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  ~Probe() { --living; }

  int number;
  inline static std::atomic<int> living{0};
};

/// What the scenarios offer.
class Lab {
 public:
  int add(int a, int b) const noexcept { return a + b; }
  void fail(const std::string& how) const;
  std::unique_ptr<Probe> probe(int number) const { return std::make_unique<Probe>(number); }
  Object call(const Object& function, const Object& argument) const { return function(argument); }
  void keep(const Object& object) { kept = object; }

  /// Waits for another caller; false: none came.
  bool meet();

  void note() { ++notes; }

  /// Sleeps until it is asked to stop.
  void sleep(const std::stop_token& stop);

  std::atomic<int> notes{0};
  double rate = 1.5;
  Object kept;

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int here_ = 0;
};

/// Says what Python may do with them. Once.
void define_lab();

}  // namespace sinew::testing
