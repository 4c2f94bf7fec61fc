// A server that can be stopped at any time without a caller losing his answer.
//
//     graceful_server tcp://127.0.0.1:18861 30      # may drain for 30 s
//     kill -TERM PID
//
// On SIGTERM, or Ctrl-C, nobody is accepted any more, calls that are being served end and are
// answered, and every connection is closed. What is not done within the drain time is cut off, and
// the exit code says so. The process ends when the functions that are running have: one that may
// take long should look whether it is still wanted (sinew::current_call().stop_requested()).

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#include <sinew/sinew.hpp>

namespace {

class Press {
 public:
  /// Prints a page: takes its time, as presses do.
  std::string print(const std::string& text, double seconds) const {
    std::printf("printing %s\n", text.c_str());
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    return "printed " + text;
  }
};

}  // namespace

int main(int argc, char** argv) try {
  const auto press = sinew::service<Press>("Press").def("print", &Press::print, {"text", "seconds"},
                                                        "Prints a page.");
  sinew::ServerOptions options;
  options.drain_time = std::chrono::seconds(argc > 2 ? std::stoi(argv[2]) : 5);
  sinew::Server server(press, argc > 1 ? argv[1] : "tcp://127.0.0.1:18861", options);
  std::printf("serving at %s, SIGTERM and Ctrl-C end\n", server.uri().c_str());
  std::fflush(stdout);
  const bool whole = server.run();
  std::printf(whole ? "all callers have their answers\n" : "some callers were cut off\n");
  return whole ? 0 : 3;
} catch (const std::exception& error) {
  std::fprintf(stderr, "graceful_server: %s\n", error.what());
  return 1;
}
