#include "wire/testdata.h"

#include <gtest/gtest.h>

namespace sinew::wire::testdata {

// `__FILE__` is relative to the source folder (cmake/SinewCcache.cmake): the build tells this file.
std::filesystem::path folder() { return SINEW_TESTDATA; }

namespace {

TEST(Testdata, IsThere) { EXPECT_TRUE(std::filesystem::is_directory(folder())); }

}  // namespace
}  // namespace sinew::wire::testdata
