// The programs in examples/cpp, as a user runs them.

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

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

}  // namespace
}  // namespace sinew::testing
