// A process killed at each operation of its life, the next one losing power at each operation of
// its own: what the first left in the cache only must not fool the second.

#include <gtest/gtest.h>

#include <cstdio>

#include "crash/workload.hpp"
#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;

// Crash states of each pair of operations.
std::uint64_t samples() { return from_environment("WALKIT_CRASH_SAMPLES", 6); }

struct Lives {
  Trace first{}, second{};
};

// True while the first life has such an operation.
bool crash_at(const Lives& lives, std::uint64_t kill_point, std::uint64_t& states) {
  const Setup setup;
  const auto first = CrashDirectory::create({.seed = kill_point});
  first->cut_power_at(kill_point);
  const Model left = run(first, setup, lives.first);
  const auto killed = first->crash(Crash::process_kill);
  for (std::uint64_t cut_point = 1;; ++cut_point) {
    const auto second = killed->clone();
    second->cut_power_at(cut_point);
    const Model model = run(second, setup, lives.second, left, 2);
    for (std::uint64_t sample = 0; sample < samples(); ++sample, ++states) {
      EXPECT_THAT(check(second->crash(Crash::power_cut), setup, model), testing::IsOk())
          << "killed at " << kill_point << ", power cut at " << cut_point;
    }
    if (second->operation_count() < cut_point) break;
  }
  return first->operation_count() >= kill_point;
}

TEST(CrashTwice, KilledAnywhereThenPowerCutAnywhereLosesNothing) {
  const Lives cases[] = {
      {{Call::append}, {Call::append}},
      {{Call::append_large, Call::append_large, Call::append_large}, {Call::append_large}},
      {{Call::append, Call::reopen, Call::append}, {Call::append, Call::reopen, Call::append}},
      {{}, {Call::reopen, Call::append}},
  };
  std::uint64_t states = 0;
  for (const Lives& lives : cases) {
    for (std::uint64_t point = 1; crash_at(lives, point, states); ++point) {
      if (HasFailure()) return;
    }
  }
  std::printf("%lu states\n", states);
}

}  // namespace
}  // namespace walkit::crash
