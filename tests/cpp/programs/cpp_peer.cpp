// A C++ server for the tests of tests/python/cpp: prints where it listens, and ends when its
// standard input does.

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "sinew/sinew.hpp"

namespace {

std::atomic<int> living{0};

// Counts itself.
struct Counted {
  Counted() { ++living; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --living; }
};

struct Channel : Counted {
  explicit Channel(int its_number) : number(its_number) {}
  int number;
  double offset = 0;
};

class Scope {
 public:
  int add(int a, int b) const noexcept { return a + b; }
  double rate() const { return rate_; }
  void set_rate(double rate) {
    if (rate <= 0) throw std::invalid_argument("the rate must be positive");
    rate_ = rate;
  }
  Channel& channel(int number) {
    if (number < 0 || number > 1) throw std::out_of_range("channels are 0 and 1");
    return number == 0 ? first_ : second_;
  }

  std::string label = "scope";

 private:
  double rate_ = 1000;
  Channel first_{0};
  Channel second_{1};
};

std::vector<double> samples(const Scope& scope, int count) {
  std::vector<double> made;
  for (int i = 0; i < count; ++i) made.push_back(i / scope.rate());
  return made;
}

sinew::Iterator<int> numbers(Scope& /*scope*/, int count) {
  return sinew::Iterator<int>(
      [i = 0, count]() mutable { return i < count ? std::optional(i++) : std::nullopt; });
}

int total(Scope& /*scope*/, const std::vector<int>& numbers) {
  int sum = 0;
  for (const int number : numbers) sum += number;
  return sum;
}

void fail(Scope& /*scope*/, const std::string& how) {
  if (how == "system") throw std::system_error(2, std::generic_category(), "lamp");
  if (how == "python") throw sinew::PythonError("KeyError", {"lamp"});
  if (how == "memory") throw std::bad_alloc();
  if (how == "unknown") throw 42;
  throw std::runtime_error(how);
}

std::atomic<int> stopped{0};  // functions that ended because nobody waited any more

constexpr std::chrono::seconds kLongest(20);

void wait_for_stop(Scope& /*scope*/, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kLongest, [] { return false; });
  if (stop.stop_requested()) ++stopped;
}

void poll_for_stop(Scope& /*scope*/) {
  const auto end = std::chrono::steady_clock::now() + kLongest;
  while (!sinew::current_call().stop_requested()) {
    if (std::chrono::steady_clock::now() > end) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // lint: workload
  }
  ++stopped;
}

// Waits in a call to the client.
void call_until_stopped(Scope& /*scope*/, const sinew::Object& f) try {
  f();
} catch (const sinew::Error& error) {
  if (error.message().starts_with("nobody waits any more")) ++stopped;
  throw;
}

std::optional<std::chrono::nanoseconds> time_left(const Scope& /*scope*/) {
  const auto deadline = sinew::current_call().deadline();
  if (!deadline) return std::nullopt;
  return *deadline - std::chrono::steady_clock::now();
}

void define_services() {
  sinew::service<Channel>("lab.Channel")
      .property("number", [](const Channel& channel) { return channel.number; })
      .property("offset", &Channel::offset)
      .def("__eq__",
           [](const Channel& channel, const sinew::Object& other) -> sinew::Value {
             if (!other.is_reference()) return channel.number == other.value().integer();
             const auto same = other.as<std::shared_ptr<Channel>>();
             return channel.number == same->number;
           })
      .def("__hash__", [](const Channel& channel) { return channel.number; })
      .def("__str__",
           [](const Channel& channel) { return "channel " + std::to_string(channel.number); });
  sinew::service<Scope>("lab.Scope", "An oscilloscope.")
      .def("add", &Scope::add, {"a", sinew::arg("b") = 2}, "Adds two integers.")
      .property("rate", &Scope::rate, &Scope::set_rate, "Samples per second.")
      .property("label", &Scope::label)
      .constant("CHANNELS", 2)
      .def("channel", &Scope::channel, {"number"})
      .def("samples", samples, {"count"})
      .def("numbers", numbers)
      .def("asks",
           [](Scope&, const sinew::Object& f) {
             return sinew::Iterator<sinew::Object>([f] { return std::optional(f()); });
           })
      .def("total", total)
      .def("fail", fail)
      .def(
          "describe", [](const Scope&, int number) { return "int " + std::to_string(number); },
          {"number"}, "Either.")
      .def("describe", [](const Scope&, const std::string& text) { return "str " + text; })
      .def("made", [](Scope&, int number) { return std::make_unique<Channel>(number); })
      .def("number_of",
           [](Scope&, const std::shared_ptr<Channel>& channel) { return channel->number; })
      .def("call", [](Scope&, const sinew::Object& f, const sinew::Object& x) { return f(x); })
      .def("on_event",
           [](Scope&, const sinew::Object& f) {
             return sinew::Object([f](int event) { return f.invoke<int>(event) + 1; });
           })
      .def("wait_for_stop", wait_for_stop)
      .def("poll_for_stop", poll_for_stop)
      .def("call_until_stopped", call_until_stopped)
      .def("named_stop",
           [](Scope&, int a, std::stop_token stop, int b) { return a - b + stop.stop_requested(); },
           {"a", "b"})
      .def("time_left", time_left)
      .def("stopped", [](Scope&) { return stopped.load(); })
      .def("living", [](Scope&) { return living.load(); })
      .def("__len__", [](const Scope&) { return 2; })
      .def("__getitem__", &Scope::channel);
}

}  // namespace

// cpp_peer [pooled] [TOKEN_FILE]
int main(int argc, char** argv) try {
  define_services();
  sinew::ServerOptions options;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "pooled") {
      options.kind = sinew::ServerOptions::Kind::kPooled;
      options.max_threads = 3;
    } else {
      options.token_file = argv[i];
    }
  }
  options.drain_time = std::chrono::seconds(2);
  sinew::Server server(
      [](const sinew::Connection&) { return sinew::Object(std::make_shared<Scope>()); },
      "tcp://127.0.0.1:0", options);
  server.start();
  std::printf("%s\n", server.uri().c_str());
  std::fflush(stdout);
  char ignored = 0;
  while (::read(0, &ignored, 1) > 0) {
  }
  server.stop();
  std::printf("living %d\n", living.load());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "cpp_peer: %s\n", error.what());
  return 1;
}
