// A C++ program that Python scripts extend while it runs: copies its input to its output, line by
// line, through the filters that scripts have put in.
//
//     tail -f /var/log/syslog | plugin_host tcp://127.0.0.1:18861
//     python3 plugin_script.py 127.0.0.1 18861      # puts filters in; they are gone when it ends
//
// A filter that fails leaves the line as it is; one whose script has ended, or that takes too long,
// is taken out.

#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <sinew/sinew.hpp>

namespace {

using namespace std::chrono_literals;

/// threads: any.
class Filters {
 public:
  void add(const std::string& name, const sinew::Object& function) {
    const std::scoped_lock lock(mutex_);
    filters_.emplace_back(name, function);
    std::fprintf(stderr, "filter %s is in\n", name.c_str());
  }
  void remove(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    if (std::erase_if(filters_, [&](const Filter& filter) { return filter.first == name; }) == 0) {
      throw sinew::PythonError("KeyError", {name});
    }
    std::fprintf(stderr, "filter %s is out\n", name.c_str());
  }
  std::vector<std::string> names() const {
    std::vector<std::string> made;
    for (const Filter& filter : all()) made.push_back(filter.first);
    return made;
  }

  /// The line as the filters leave it; nothing if one drops it, by returning None.
  std::optional<std::string> apply(std::string line) {
    for (const auto& [name, function] : all()) {  // a copy: scripts come and go meanwhile
      try {
        const sinew::TimeLimit limit(1s);
        auto filtered = function.invoke<std::optional<std::string>>(line);
        if (!filtered) return std::nullopt;
        line = *std::move(filtered);
      } catch (const sinew::RemoteError& error) {
        std::fprintf(stderr, "filter %s: %s\n", name.c_str(), error.what());
      } catch (const sinew::ConversionError& error) {
        std::fprintf(stderr, "filter %s: %s\n", name.c_str(), error.what());
      } catch (const sinew::Error& error) {
        std::fprintf(stderr, "filter %s: %s\n", name.c_str(), error.what());
        drop(function);
      }
    }
    return line;
  }

 private:
  using Filter = std::pair<std::string, sinew::Object>;

  std::vector<Filter> all() const {
    const std::scoped_lock lock(mutex_);
    return filters_;
  }
  void drop(const sinew::Object& function) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(filters_, [&](const Filter& filter) { return filter.second.is(function); });
  }

  mutable std::mutex mutex_;
  std::vector<Filter> filters_;
};

}  // namespace

int main(int argc, char** argv) try {
  sinew::service<Filters>("host.Filters", "What scripts may do with this program.")
      .def("add", &Filters::add, {"name", "function"},
           "Puts a function in the way of each line: it returns another, or None to drop it.")
      .def("remove", &Filters::remove, {"name"}, "Takes a filter out.")
      .def("names", &Filters::names, "The filters, in the order in which lines pass them.");
  const auto filters = std::make_shared<Filters>();
  sinew::Server server(filters, argc > 1 ? argv[1] : "tcp://127.0.0.1:18861");
  server.start();
  std::fprintf(stderr, "serving at %s\n", server.uri().c_str());
  for (std::string line; std::getline(std::cin, line);) {
    if (const auto filtered = filters->apply(std::move(line))) std::cout << *filtered << std::endl;
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "plugin_host: %s\n", error.what());
  return 1;
}
