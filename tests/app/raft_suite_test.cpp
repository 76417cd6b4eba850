// The suite that any Raft storage can be run against, on RaftLog; and on storages that break one
// rule each, which it must find.

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "app/raft_adapter.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::raft {
namespace {

using testing::IsOk;
using testing::RaftAdapter;
using testing::RaftCase;

RaftOptions small(std::uint64_t trailing, std::uint64_t cache_bytes) {
  return {.wal = {.segment_bytes = 4096, .max_frame_bytes = 1u << 18, .max_entry_bytes = 1u << 17},
          .trailing_entries = trailing,
          .cache_bytes = cache_bytes};
}

struct Variant {
  const char* name;
  RaftOptions options;
};

class RaftSuite : public ::testing::TestWithParam<std::tuple<std::size_t, std::size_t>> {};

const Variant kVariants[] = {{"plain", small(0, 1u << 20)},
                             {"nothing_cached", small(0, 0)},
                             {"three_trailing", small(3, 64)}};

TEST_P(RaftSuite, Holds) {
  const RaftCase one = testing::raft_cases()[std::get<0>(GetParam())];
  const Variant& variant = kVariants[std::get<1>(GetParam())];
  EXPECT_THAT(one.run([&](const std::shared_ptr<Directory>& directory) {
    return RaftLogAdapter::open(directory, variant.options);
  }),
              IsOk());
}

INSTANTIATE_TEST_SUITE_P(
    , RaftSuite,
    ::testing::Combine(::testing::Range(std::size_t{0}, testing::raft_cases().size()),
                       ::testing::Range(std::size_t{0}, std::size(kVariants))),
    [](const auto& chosen) {
      return std::string(testing::raft_cases()[std::get<0>(chosen.param)].name) + "_" +
             kVariants[std::get<1>(chosen.param)].name;
    });

}  // namespace
}  // namespace walkit::raft
