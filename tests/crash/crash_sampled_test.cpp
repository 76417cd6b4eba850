// Long random traces with all that can go wrong in one: failed writes and syncs, a process that
// dies and comes back on the same cache, a power cut after that, a second life.

#include <gtest/gtest.h>

#include <cstdio>

#include "crash/workload.hpp"
#include "crash/worlds.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::crash {
namespace {

TEST(CrashSamples, NoWorldLosesWhatWasAcknowledged) {
  const std::uint64_t worlds = from_environment("WALKIT_CRASH_WORLDS", 60'000);
  const std::uint64_t seed = from_environment("WALKIT_SEED", 1);
  WorldTotals totals;
  for (std::uint64_t world = seed; world < seed + worlds; ++world) {
    ASSERT_THAT(live_one_world(world, totals), testing::IsOk()) << "WALKIT_SEED=" << world;
  }
  std::printf("seed %lu: %lu worlds, %lu states, %lu failed operations\n", seed, worlds,
              totals.states, totals.failed_operations);
}

}  // namespace
}  // namespace walkit::crash
