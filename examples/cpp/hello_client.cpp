// The smallest client: calls one method of a service.
//
//     hello_client tcp://127.0.0.1:18861 World
//
// The server is hello_server, or a Python object:
//
//     class Greeter(rpyc.Service):
//         def exposed_hello(self, name):
//             return f"Hello, {name}!"
//
//     rpyc.ThreadedServer(Greeter, port=18861).start()

#include <cstdio>
#include <exception>
#include <string>

#include <sinew/sinew.hpp>

int main(int argc, char** argv) try {
  const auto conn = sinew::connect(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861");
  const std::string name = argc > 2 ? argv[2] : "World";
  std::printf("%s\n", conn.root().call<std::string>("hello", name).c_str());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "hello_client: %s\n", error.what());
  return 1;
}
