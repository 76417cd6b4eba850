// Random worlds on each model of a device. What walkit assumes of one: nothing acknowledged is lost
// and nothing refused. What goes beyond: nothing is lost in silence.

#include <gtest/gtest.h>

#include <cstdio>

#include "crash/worlds.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::crash {
namespace {

using testing::CrashModel;

constexpr Ground kLegal[] = {
    {.model = CrashModel::weakest_posix(), .may_run_full = true},
    {.model = CrashModel::weakest_posix(), .sector_bytes = 4096, .may_run_full = true},
    {.model = CrashModel::ext4(), .may_run_full = true},
    {.model = CrashModel::xfs(), .may_run_full = true},
    {.model = CrashModel::btrfs(), .sector_bytes = 4096, .may_run_full = true}};

constexpr Ground kHostile[] = {{.model = CrashModel::garbage_in_flight()},
                               {.model = CrashModel::garbage_in_flight(), .sector_bytes = 4096},
                               {.model = CrashModel::stale_blocks(), .may_run_full = true},
                               {.model = CrashModel::lying_disk()}};

// Few: each model adds to what all other crash tests try of the weakest one.
std::uint64_t worlds_of_each() { return 1 + from_environment("WALKIT_CRASH_WORLDS", 40'000) / 15; }

std::string to_repeat(const Ground& ground, std::uint64_t seed) {
  return std::string(ground.model.name) + ", sectors of " + std::to_string(ground.sector_bytes) +
         "; to repeat it: WALKIT_SEED=" + std::to_string(seed) + " WALKIT_CRASH_WORLDS=1";
}

std::string name_of(const ::testing::TestParamInfo<Ground>& tested) {
  return std::string(tested.param.model.name) + "_" + std::to_string(tested.param.sector_bytes);
}

class CrashWorlds : public ::testing::TestWithParam<Ground> {};

TEST_P(CrashWorlds, NothingIsLostAndNothingRefused) {
  ASSERT_TRUE(GetParam().model.is_legal());
  const std::uint64_t seed = from_environment("WALKIT_SEED", 1);
  WorldTotals totals;
  for (std::uint64_t world = seed; world < seed + worlds_of_each(); ++world) {
    ASSERT_THAT(live_one_world(world, totals, GetParam()), testing::IsOk())
        << to_repeat(GetParam(), world);
  }
  std::printf("seed %lu: %lu states, %lu failed operations\n", seed, totals.states,
              totals.failed_operations);
}

INSTANTIATE_TEST_SUITE_P(Legal, CrashWorlds, ::testing::ValuesIn(kLegal), name_of);

class HostileWorlds : public ::testing::TestWithParam<Ground> {};

TEST_P(HostileWorlds, NothingIsLostInSilence) {
  const std::uint64_t seed = from_environment("WALKIT_SEED", 1);
  ToldTotals totals;
  for (std::uint64_t world = seed; world < seed + worlds_of_each(); ++world) {
    ASSERT_THAT(live_one_hostile_world(world, totals, GetParam()), testing::IsOk())
        << to_repeat(GetParam(), world);
  }
  std::printf("seed %lu: %lu states: %lu same, %lu refused, %lu reported, %lu rolled back\n", seed,
              worlds_of_each(), totals.same, totals.refused, totals.reported, totals.rolled_back);
  // The devices do what they are there for.
  if (worlds_of_each() < 1000) return;
  EXPECT_GT(totals.refused + totals.reported, 0u);
}

INSTANTIATE_TEST_SUITE_P(Beyond, HostileWorlds, ::testing::ValuesIn(kHostile), name_of);

}  // namespace
}  // namespace walkit::crash
