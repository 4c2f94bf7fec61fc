// What calls from C++ to C++ cost, beside what the machine can do at best: two processes, on one
// CPU and on all of them, over TCP and a Unix socket, each row in turn in every round.
//
//     cpp_bench [--rounds N] [--scale X] [--json]
//
// For each row the median over the rounds, and the median of its ratio to the blocking ping-pong of
// the same round. --scale 0.1 does a tenth of the work.

#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "cpp/floor.h"
#include "cpp/servers.h"
#include "sinew/sinew.hpp"

namespace sinew::bench {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void in_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

// One kind of work: how many microseconds a piece of it takes.
struct Row {
  std::string name;
  std::function<double(const Servers&)> measure;
};

class Rows {
 public:
  explicit Rows(double scale) : scale_(scale) {}

  std::vector<Row> all() const {
    return {{"ping-pong, blocking sockets", [this](auto& s) { return ping_pong(s); }},
            {"call, two ints", [this](auto& s) { return call(s); }},
            {"callback inside a call", [this](auto& s) { return callback(s); }},
            {"64 calls in flight, one thread", [this](auto& s) { return in_flight(s); }},
            {"16 threads, one connection", [this](auto& s) { return shared(s, 16); }},
            {"4 clients", [this](auto& s) { return clients(s, 4); }},
            {"16 clients", [this](auto& s) { return clients(s, 16); }},
            {"16 clients, blocking sockets", [this](auto& s) { return floor_clients(s, 16); }},
            {"connect, call, close", [this](auto& s) { return connecting(s); }},
            {"80 MB there and back", [this](auto& s) { return large(s); }},
            {"80 MB there and back, sockets", [this](auto& s) { return floor_large(s); }}};
  }

 private:
  int times(int count) const { return std::max(static_cast<int>(count * scale_), 2); }

  static double each(int count, const std::function<void()>& work) {
    return seconds_of(work) / count * 1e6;
  }

  double ping_pong(const Servers& servers) const {
    floor::Client client(servers.floor(), 'p');
    const int count = times(10'000);
    client.ping();
    return each(count, [&] {
      for (int i = 0; i < count; ++i) client.ping();
    });
  }

  double call(const Servers& servers) const {
    const Connection conn = connect(servers.uri());
    const Object root = conn.root();
    const int count = times(10'000);
    for (int i = 0; i < 100; ++i) static_cast<void>(root.call<int>("add", i, 1));
    return each(count, [&] {
      for (int i = 0; i < count; ++i) static_cast<void>(root.call<int>("add", i, 1));
    });
  }

  double callback(const Servers& servers) const {
    const Connection conn = connect(servers.uri());
    const Object root = conn.root();
    const Value increment = to_value([](int i) { return i + 1; });
    const int count = times(10'000);
    static_cast<void>(root.call<int>("call_back", increment, 100));
    return each(count, [&] { static_cast<void>(root.call<int>("call_back", increment, count)); });
  }

  double in_flight(const Servers& servers) const {
    constexpr std::size_t kWindow = 64;
    const Connection conn = connect(servers.uri());
    const Object root = conn.root();
    const int count = times(40'000);
    std::vector<Future<int>> window;
    return each(count, [&] {
      for (int i = 0; i < count; ++i) {
        const auto place = static_cast<std::size_t>(i) % kWindow;
        if (window.size() < kWindow) {
          window.push_back(root.async<int>("add", i, 1));
        } else {
          static_cast<void>(window[place].get());
          window[place] = root.async<int>("add", i, 1);
        }
      }
      for (const auto& future : window) static_cast<void>(future.get());
    });
  }

  double shared(const Servers& servers, int threads) const {
    const Connection conn = connect(servers.uri());
    const Object root = conn.root();
    const int count = times(2'000);
    return each(count * threads, [&] {
      in_threads(threads, [&](int) {
        for (int i = 0; i < count; ++i) static_cast<void>(root.call<int>("add", i, 1));
      });
    });
  }

  double clients(const Servers& servers, int threads) const {
    const int count = times(2'000);
    std::vector<Connection> connections;
    std::vector<Object> roots;
    for (int i = 0; i < threads; ++i) {
      connections.push_back(connect(servers.uri()));
      roots.push_back(connections.back().root());
    }
    return each(count * threads, [&] {
      in_threads(threads, [&](int one) {
        const Object& root = roots[static_cast<std::size_t>(one)];
        for (int i = 0; i < count; ++i) static_cast<void>(root.call<int>("add", i, 1));
      });
    });
  }

  double floor_clients(const Servers& servers, int threads) const {
    const int count = times(2'000);
    return each(count * threads, [&] {
      in_threads(threads, [&](int) {
        floor::Client client(servers.floor(), 'p');
        for (int i = 0; i < count; ++i) client.ping();
      });
    });
  }

  double connecting(const Servers& servers) const {
    const int count = times(500);
    return each(count, [&] {
      for (int i = 0; i < count; ++i) {
        const Connection conn = connect(servers.uri());
        static_cast<void>(conn.root().call<int>("add", i, 1));
        conn.close();
      }
    });
  }

  double large(const Servers& servers) const {
    const Connection conn = connect(servers.uri());
    const Object root = conn.root();
    const auto block =
        std::make_shared<const std::vector<std::uint8_t>>(std::size_t{80} << 20, 'x');
    const Value bytes = Value::bytes(*block, block);
    const int count = times(3);
    return each(count, [&] {
      for (int i = 0; i < count; ++i) static_cast<void>(root.call<Value>("echo", bytes));
    });
  }

  double floor_large(const Servers& servers) const {
    floor::Client client(servers.floor(), 'b');
    std::vector<char> block(std::size_t{80} << 20, 'x');
    const int count = times(3);
    return each(count, [&] {
      for (int i = 0; i < count; ++i) client.exchange(block);
    });
  }

  const double scale_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Both processes on the first CPU that we may use, or on all of them.
void pin(bool to_one) {
  static const cpu_set_t all = [] {
    cpu_set_t set;
    floor::check(::sched_getaffinity(0, sizeof set, &set) == 0, "sched_getaffinity");
    return set;
  }();
  cpu_set_t set = all;
  if (to_one) {
    int first = 0;
    while (!CPU_ISSET(first, &all)) ++first;
    CPU_ZERO(&set);
    CPU_SET(first, &set);
  }
  floor::check(::sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
}

struct Arguments {
  int rounds = 7;
  double scale = 1;
  bool json = false;
};

void measure(const Arguments& arguments, bool one_cpu, bool is_unix, const std::string& folder) {
  pin(one_cpu);
  const Servers servers(folder, is_unix);
  const std::vector<Row> rows = Rows(arguments.scale).all();
  std::map<std::string, std::vector<double>> took;
  std::map<std::string, std::vector<double>> ratios;
  for (int round = 0; round < arguments.rounds; ++round) {
    double floor = 0;
    for (const Row& row : rows) {
      const double us = row.measure(servers);
      if (&row == rows.data()) floor = us;
      took[row.name].push_back(us);
      ratios[row.name].push_back(us / floor);
    }
  }
  const std::string where =
      fmt::format("{}, {}", is_unix ? "unix" : "tcp", one_cpu ? "one CPU" : "all CPUs");
  if (!arguments.json) fmt::print("{}\n", where);
  for (const Row& row : rows) {
    const double us = median(took[row.name]);
    const double ratio = median(ratios[row.name]);
    arguments.json
        ? fmt::print("{{\"where\": \"{}\", \"row\": \"{}\", \"us\": {:.3f}, \"floors\": {:.3f}}}\n",
                     where, row.name, us, ratio)
        : fmt::print("  {:<34} {:>12.2f} us {:>12.2f} ping-pongs\n", row.name, us, ratio);
  }
  std::fflush(stdout);
}

int run(const Arguments& arguments) {
  std::string folder = "/tmp/sinew-bench-XXXXXX";
  floor::check(::mkdtemp(folder.data()) != nullptr, "mkdtemp");
  for (const bool one_cpu : {true, false}) {
    for (const bool is_unix : {false, true}) {
      measure(arguments, one_cpu, is_unix, folder);
      for (const char* name : {"/floor.sock", "/sinew.sock"}) ::unlink((folder + name).c_str());
    }
  }
  ::rmdir(folder.c_str());
  return 0;
}

}  // namespace
}  // namespace sinew::bench

int main(int argc, char** argv) try {
  sinew::bench::Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const bool has_value = i + 1 < argc;
    if (name == "--json") {
      arguments.json = true;
    } else if (name == "--rounds" && has_value) {
      arguments.rounds = std::max(std::atoi(argv[++i]), 1);
    } else if (name == "--scale" && has_value) {
      arguments.scale = std::atof(argv[++i]);
    } else {
      std::fprintf(stderr, "usage: cpp_bench [--rounds N] [--scale X] [--json]\n");
      return name == "--help" ? 0 : 2;
    }
  }
  return sinew::bench::run(arguments);
} catch (const std::exception& error) {
  std::fprintf(stderr, "cpp_bench: %s\n", error.what());
  return 1;
}
