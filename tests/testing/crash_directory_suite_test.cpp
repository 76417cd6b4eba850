#include <gtest/gtest.h>

#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/testing/suites.hpp"

namespace walkit::testing {
namespace {

TEST(CrashDirectorySuite, WithoutACrashItIsADirectory) {
  const auto make_empty = []() -> Result<std::shared_ptr<Directory>> {
    return CrashDirectory::create();
  };
  EXPECT_THAT(directory_suite(make_empty), IsOk());
}

}  // namespace
}  // namespace walkit::testing
