// An instrument: a C++ object with properties, a stream of samples, and a callback on an event.
//
//     instrument_server tcp://127.0.0.1:18861
//     python3 instrument_client.py 127.0.0.1 18861      # RPyC or Sinew
//     jupyter notebook instrument.ipynb                 # the same, to try things out
//
// The scope measures on a thread of its own, for all clients. It never waits for one of them: who
// is slow misses events, and who is gone is forgotten.

#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <numbers>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <sinew/sinew.hpp>

namespace {

struct Sample {
  double time;  // seconds
  double volts;
};

}  // namespace

/// A sample crosses as a tuple.
template <>
struct sinew::Converter<Sample> {
  static Value to_value(const Sample& sample) {
    return sinew::to_value(std::pair(sample.time, sample.volts));
  }
};

namespace {

/// Who wants to know of events. One event at a time is under way to him.
class Listener {
 public:
  explicit Listener(sinew::Object callback) : callback_(std::move(callback)) {}

  /// False: he is gone, or his function failed.
  bool tell(const Sample& sample) try {
    if (last_ && !last_->ready()) return true;
    if (last_) last_->get();
    last_ = callback_.async_invoke<void>(sample.time, sample.volts);
    return true;
  } catch (const sinew::Error& error) {
    std::printf("a listener is dropped: %s\n", error.what());
    std::fflush(stdout);
    return false;
  }

 private:
  sinew::Object callback_;
  std::optional<sinew::Future<void>> last_;
};

/// Measures a sine of 1 V, 2 Hz.
///
/// threads: any.
class Scope {
 public:
  Scope() : thread_([this] { measure(); }) {}
  ~Scope() {
    {
      const std::scoped_lock lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  double rate() const {
    const std::scoped_lock lock(mutex_);
    return rate_;
  }
  void set_rate(double rate) {
    if (!(rate > 0 && rate <= 10'000))
      throw std::invalid_argument("a rate is above 0 and up to 10000 Hz");
    const std::scoped_lock lock(mutex_);
    rate_ = rate;
  }
  double level() const {
    const std::scoped_lock lock(mutex_);
    return level_;
  }
  void set_level(double level) {
    const std::scoped_lock lock(mutex_);
    level_ = level;
  }

  /// Waits for the sample behind number `last`, which is moved on.
  Sample next(std::size_t& last) const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ > last || ended_; });
    if (ended_) throw std::runtime_error("the instrument is switched off");
    last = count_;
    return sample_;
  }
  std::size_t count() const {
    const std::scoped_lock lock(mutex_);
    return count_;
  }

  int on_trigger(const sinew::Object& callback) {
    const std::scoped_lock lock(mutex_);
    listeners_.emplace(++last_listener_, std::make_shared<Listener>(callback));
    return last_listener_;
  }
  void off_trigger(int number) {
    std::shared_ptr<Listener> dying;  // let go of when the lock is free
    const std::scoped_lock lock(mutex_);
    const auto found = listeners_.find(number);
    if (found == listeners_.end()) throw sinew::PythonError("KeyError", {number});
    dying = std::move(found->second);
    listeners_.erase(found);
  }

 private:
  using Clock = std::chrono::steady_clock;

  void measure() {
    const auto start = Clock::now();
    std::unique_lock lock(mutex_);
    while (!ended_) {
      const double time = std::chrono::duration<double>(Clock::now() - start).count();
      const double before = sample_.volts;
      sample_ = {time, std::sin(2 * std::numbers::pi * 2 * time)};
      ++count_;
      changed_.notify_all();
      if (before < level_ && sample_.volts >= level_) {
        const auto told = listeners_;
        const Sample sample = sample_;
        lock.unlock();
        for (const auto& [number, listener] : told) {
          if (!listener->tell(sample)) forget(number);
        }
        lock.lock();
      }
      changed_.wait_for(lock, std::chrono::duration<double>(1 / rate_), [this] { return ended_; });
    }
  }
  void forget(int number) {
    const std::scoped_lock lock(mutex_);
    listeners_.erase(number);
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  double rate_ = 1000;
  double level_ = 0.5;
  Sample sample_{0, 0};
  std::size_t count_ = 0;
  bool ended_ = false;
  std::map<int, std::shared_ptr<Listener>> listeners_;
  int last_listener_ = 0;
  std::thread thread_;
};

/// The next `count` samples, each when it is measured.
sinew::Iterator<Sample> samples(const Scope& scope, int count) {
  return sinew::Iterator<Sample>([&scope, count, last = scope.count()]() mutable {
    return count-- > 0 ? std::optional(scope.next(last)) : std::nullopt;
  });
}

}  // namespace

int main(int argc, char** argv) try {
  sinew::service<Scope>("lab.Scope", "Measures a voltage.")
      .property("rate", &Scope::rate, &Scope::set_rate, "Samples per second.")
      .property("level", &Scope::level, &Scope::set_level, "Of the trigger, in volts.")
      .constant("CHANNELS", 1)
      .def("samples", samples, {"count"},
           "The next samples, (seconds, volts), as they are measured.")
      .def("on_trigger", &Scope::on_trigger, {"callback"},
           "Calls callback(seconds, volts) when the voltage rises to the level; returns a number.")
      .def("off_trigger", &Scope::off_trigger, {"number"}, "Calls it no more.");
  const auto scope = std::make_shared<Scope>();
  sinew::Server server(scope, argc > 1 ? argv[1] : "tcp://127.0.0.1:18861");
  std::printf("serving at %s, Ctrl-C ends\n", server.uri().c_str());
  std::fflush(stdout);
  server.run();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "instrument_server: %s\n", error.what());
  return 1;
}
