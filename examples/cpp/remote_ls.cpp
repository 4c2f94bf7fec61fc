// Lists a directory of another machine.
//
//     sinew classic &                          # there; stock's rpyc_classic does as well
//     remote_ls tcp://localhost:18812 /etc     # here

#include <cstdio>
#include <exception>
#include <string>

#include <sinew/sinew.hpp>

int main(int argc, char** argv) try {
  const std::string uri = argc > 1 ? argv[1] : "tcp://localhost:18812";
  const std::string folder = argc > 2 ? argv[2] : ".";
  const auto conn = sinew::connect(uri);
  for (const sinew::Object& entry : conn.module("os").call("scandir", folder)) {
    const auto size = entry.call("stat").get<long long>("st_size");
    std::printf("%12lld  %s%s\n", size, entry.get<std::string>("name").c_str(),
                entry.call<bool>("is_dir") ? "/" : "");
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "remote_ls: %s\n", error.what());
  return 1;
}
