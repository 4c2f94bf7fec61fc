// The smallest server: an object with one method.
//
//     hello_server tcp://127.0.0.1:18861
//
// Its clients are hello_client, and any Python with RPyC or Sinew:
//
//     python3 -c 'import rpyc; print(rpyc.connect("127.0.0.1", 18861).root.hello("World"))'

#include <cstdio>
#include <exception>
#include <string>

#include <sinew/sinew.hpp>

namespace {

class Greeter {
 public:
  std::string hello(const std::string& name) const { return "Hello, " + name + "!"; }
};

}  // namespace

int main(int argc, char** argv) try {
  const auto greeter = sinew::service<Greeter>("Greeter", "Knows how to greet.")
                           .def("hello", &Greeter::hello, {"name"}, "Greets by name.");
  sinew::Server server(greeter, argc > 1 ? argv[1] : "tcp://127.0.0.1:18861");
  std::printf("serving at %s, Ctrl-C ends\n", server.uri().c_str());
  std::fflush(stdout);
  server.run();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "hello_server: %s\n", error.what());
  return 1;
}
