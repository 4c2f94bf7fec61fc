#pragma once

#include <gtest/gtest.h>

#include <string>

#include "server_process.h"
#include "sinew/sinew.hpp"

namespace sinew::testing {

/// A test of a C++ client that runs against each server of kServers.
class WithServer : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (const std::string why = ServerProcess::why_missing(GetParam()); !why.empty()) {
      if (std::getenv("SINEW_REQUIRE") != nullptr) FAIL() << why;
      GTEST_SKIP() << why;
    }
  }

  static bool is_stock() { return std::string_view(GetParam()).starts_with("stock"); }

  static Options options() {
    Options options;
    if (std::string_view(GetParam()).ends_with("5.3.1")) options.wire = Options::Wire::kRpyc5;
    options.call_timeout = std::chrono::seconds(20);
    return options;
  }

  static ServerProcess& server(const std::string& service = "classic:slave") {
    return ServerProcess::shared(GetParam(), service);
  }

  static Connection connected(const std::string& service = "classic:slave") {
    return connect(server(service).uri(), options());
  }
};

/// For INSTANTIATE_TEST_SUITE_P: "stock_5_3_1".
inline std::string name_of_server(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

/// What `function` throws, as text; empty if it throws nothing.
template <class Exception = Error>
std::string thrown_by(auto&& function) {
  try {
    function();
    return {};
  } catch (const Exception& error) {
    return error.what();
  }
}

}  // namespace sinew::testing
