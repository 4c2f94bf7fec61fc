// The programs in examples/cpp, as a user runs them.

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "with_server.h"

namespace sinew::testing {
namespace {

struct Ended {
  int status;
  std::string output;
};

Ended run(const std::string& command) {
  std::FILE* const pipe = ::popen((SINEW_EXAMPLES "/" + command + " 2>&1").c_str(), "r");
  Ended ended{-1, {}};
  if (pipe == nullptr) return ended;
  std::array<char, 4096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    ended.output.append(buffer.data(), size);
  }
  ended.status = ::pclose(pipe);
  return ended;
}

class Examples : public WithServer {};
INSTANTIATE_TEST_SUITE_P(Against, Examples, ::testing::Values("ours", "stock"), name_of_server);

TEST_P(Examples, RemoteLs) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("sinew-ls-" + std::string(GetParam()));
  std::filesystem::create_directories(folder / "sub");
  std::ofstream(folder / "five") << "12345";
  const Ended listed = run("remote_ls " + server().uri() + " " + folder.string());
  EXPECT_EQ(listed.status, 0) << listed.output;
  EXPECT_NE(listed.output.find("           5  five\n"), std::string::npos) << listed.output;
  EXPECT_NE(listed.output.find("sub/\n"), std::string::npos) << listed.output;
  std::filesystem::remove_all(folder);
  const Ended missing = run("remote_ls " + server().uri() + " " + folder.string());
  EXPECT_NE(missing.status, 0);
  EXPECT_NE(missing.output.find("remote_ls: FileNotFoundError"), std::string::npos)
      << missing.output;
}

TEST_P(Examples, HelloClient) {
  const Ended greeted = run("hello_client " + server("examples:greeter").uri() + " Lucy");
  EXPECT_EQ(greeted.output, "Hello, Lucy!\n");
  EXPECT_EQ(greeted.status, 0);
}

TEST_P(Examples, Spectrum) {
  const Ended found = run("spectrum " + server().uri());
  EXPECT_EQ(found.output, "  440 Hz  1.00\n 1250 Hz  0.50\n");
  EXPECT_EQ(found.status, 0);
}

// Of eight workers one is not there, and one dies while it works.
TEST_P(Examples, WorkerPool) {
  std::vector<std::unique_ptr<ServerProcess>> workers;
  std::string uris;
  for (int i = 0; i < 8; ++i) {
    workers.push_back(std::make_unique<ServerProcess>(GetParam(), "classic:slave"));
    uris += " " + workers.back()->uri();
  }
  workers[2]->kill();
  const Connection dying = connect(workers[5]->uri(), options());
  dying.execute("import builtins, os\nbuiltins.all = lambda answers: os._exit(1)");
  const Ended counted = run("worker_pool 20000" + uris);
  EXPECT_NE(counted.output.find("\n2262 primes\n"), std::string::npos) << counted.output;
  EXPECT_NE(counted.output.find(workers[2]->uri() + ": lost after 0 pieces"), std::string::npos)
      << counted.output;
  EXPECT_EQ(counted.status, 0);
  const Ended none = run("worker_pool 2000 " + workers[2]->uri());
  EXPECT_NE(none.status, 0);
  EXPECT_NE(none.output.find("no worker is left"), std::string::npos) << none.output;
}

}  // namespace
}  // namespace sinew::testing
