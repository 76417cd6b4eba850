// Long random traces with all that can go wrong in one: failed writes and syncs, a process that
// dies and comes back on the same cache, a power cut after that, a second life.

#include <gtest/gtest.h>

#include <cstdio>

#include "crash/workload.hpp"
#include "crash/worlds.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::crash {
namespace {

class CrashSamples : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(CrashSamples, NoWorldLosesWhatWasAcknowledged) {
  const std::uint64_t worlds = from_environment("WALKIT_CRASH_WORLDS", 40'000);
  const std::uint64_t seed = from_environment("WALKIT_SEED", 1) + GetParam() * worlds;
  WorldTotals totals;
  for (std::uint64_t world = seed; world < seed + worlds; ++world) {
    ASSERT_THAT(live_one_world(world, totals), testing::IsOk())
        << "to repeat it: WALKIT_SEED=" << world << " WALKIT_CRASH_WORLDS=1, share 0";
  }
  std::printf("seed %lu: %lu worlds, %lu states, %lu failed operations\n", seed, worlds,
              totals.states, totals.failed_operations);
}

INSTANTIATE_TEST_SUITE_P(Shares, CrashSamples, ::testing::Values(0, 1, 2, 3));

}  // namespace
}  // namespace walkit::crash
