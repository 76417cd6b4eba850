// Who tests the tester: with one step of the protocol left out, a world must be found in which a
// promise does not hold.

#include <gtest/gtest.h>

#include <cstdio>

#include "crash/worlds.hpp"
#include "log/mutation.hpp"

namespace walkit::crash {
namespace {

constexpr std::uint64_t kWorldsMax = 40'000;

struct Mutant {
  const char* name;
  log::Mutation mutation;
};

class CrashMutants : public ::testing::TestWithParam<Mutant> {
 protected:
  void TearDown() override { log::mutation = log::Mutation::none; }
};

TEST_P(CrashMutants, IsFoundOut) {
  log::mutation = GetParam().mutation;
  WorldTotals totals;
  for (std::uint64_t seed = 1; seed <= kWorldsMax; ++seed) {
    if (const Status ok = live_one_world(seed, totals); !ok) {
      std::printf("found after %lu states: %s\n", totals.states, to_string(ok.error()).c_str());
      return;
    }
  }
  FAIL() << "survived " << totals.states << " states";
}

using log::Mutation;
INSTANTIATE_TEST_SUITE_P(
    EachStep, CrashMutants,
    ::testing::Values(Mutant{"AcknowledgeBeforeSync", Mutation::acknowledge_before_sync},
                      Mutant{"WatermarkAheadOfSync", Mutation::watermark_ahead_of_sync},
                      Mutant{"NoDirectorySync", Mutation::no_directory_sync},
                      Mutant{"NoSyncAtRotation", Mutation::no_sync_at_rotation},
                      Mutant{"AppendInPlace", Mutation::append_in_place},
                      Mutant{"ResyncInsteadOfRewrite", Mutation::resync_instead_of_rewrite},
                      Mutant{"RenameBeforeSync", Mutation::rename_before_sync},
                      Mutant{"ManifestWithoutSync", Mutation::manifest_without_sync},
                      Mutant{"RetryFailedSync", Mutation::retry_failed_sync},
                      Mutant{"LaterFrameProvesDamage", Mutation::later_frame_proves_damage}),
    [](const auto& tested) { return tested.param.name; });

TEST(CrashMutants, NoneIsFoundWhereNothingIsLeftOut) {
  WorldTotals totals;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const Status ok = live_one_world(seed, totals);
    ASSERT_TRUE(ok) << "seed " << seed << ": " << ok.error();
  }
}

}  // namespace
}  // namespace walkit::crash
