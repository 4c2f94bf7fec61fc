#pragma once

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "cpp/floor.h"
#include "sinew/sinew.hpp"

namespace sinew::bench {

struct Bench {
  int add(int a, int b) const noexcept { return a + b; }
  Value echo(const Value& bytes) const { return bytes; }
  int call_back(const Object& function, int times) const {
    int sum = 0;
    for (int i = 0; i < times; ++i) sum += function.invoke<int>(i);
    return sum;
  }
};

inline auto bench_service() {
  return service<Bench>("bench.Bench")
      .def("add", &Bench::add)
      .def("echo", &Bench::echo)
      .def("call_back", &Bench::call_back);
}

/// The servers of the floor and of Sinew, in a process of their own, and where they are.
class Servers {
 public:
  Servers(const std::string& folder, bool is_unix)
      : listener_(is_unix ? folder + "/floor.sock" : ""),
        uri_(is_unix ? "unix://" + folder + "/sinew.sock" : "") {
    std::array<int, 2> pipe;
    floor::check(::pipe(pipe.data()) == 0, "pipe");
    child_ = ::fork();
    floor::check(child_ >= 0, "fork");
    if (child_ == 0) run(pipe[1]);
    ::close(pipe[1]);
    std::array<char, 256> text{};
    floor::check(::read(pipe[0], text.data(), text.size() - 1) > 0, "read");
    ::close(pipe[0]);
    uri_ = text.data();
  }
  ~Servers() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  Servers(const Servers&) = delete;
  Servers& operator=(const Servers&) = delete;

  const floor::Listener& floor() const noexcept { return listener_; }
  const std::string& uri() const noexcept { return uri_; }

 private:
  [[noreturn]] void run(int tell) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Server server(bench_service(), uri_.empty() ? "tcp://127.0.0.1:0" : uri_);
    server.start();
    const std::string where = server.uri();
    floor::check(::write(tell, where.c_str(), where.size() + 1) > 0, "write");
    floor::serve(listener_);
  }

  floor::Listener listener_;
  std::string uri_;
  pid_t child_ = -1;
};

}  // namespace sinew::bench
