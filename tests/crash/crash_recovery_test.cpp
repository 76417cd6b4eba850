// Recovery that is crashed, and the recovery from that, three deep, at each of its operations.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "crash/workload.hpp"
#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashModel;

struct Case {
  const char* name;
  Setup setup{};
  CrashModel model{};
};

const Case kCases[] = {
    {"PowerCut", {}, {}},
    {"ProcessKill", {.crash = Crash::process_kill}, {}},
    {"Manual", {.flush = FlushPolicy::manual()}, {}},
    {"NoPreallocation", {.preallocation = Preallocation::none}, CrashModel::ext4()}};

class CrashRecovery : public ::testing::TestWithParam<Case> {};

// Opens, and goes no further: what it does may be done again and again.
Status recover(const std::shared_ptr<Directory>& directory, const Setup& setup,
               const Model& model) {
  const auto read = check_replay(directory, model, ReplayMode::best_effort);
  if (!read) return read.error();
  auto writer = WalWriter<std::string, BytesCodec>::open(directory, setup.options());
  if (!writer) return writer.error();
  if ((writer->next_entry_id() - 1).value != *read) {
    return Error{.code = Errc::corrupt, .message = "replay and open disagree"};
  }
  return writer->close();
}

TEST_P(CrashRecovery, ThreeDeepLosesNothing) {
  const auto& [name, setup, model] = GetParam();
  const std::uint64_t calls_max =
      std::max<std::uint64_t>(1, from_environment("WALKIT_CRASH_CALLS", 3)) - 1;
  testing::CrashTestReport totals;
  for (std::size_t n = 0; n < trace_count(calls_max); ++n) {
    const Trace trace = nth_trace(n, calls_max);
    const auto report = testing::crash_test(
        {.seed = n + 1,
         .states_max = from_environment("WALKIT_CRASH_STATES", 1500),
         .crash = setup.crash,
         .model = model,
         .tear_cuts = 1},
        [&](std::shared_ptr<Directory> d) { return run(d, GetParam().setup, trace); },
        [&](std::shared_ptr<Directory> d, const Model& left) {
          return recover(d, GetParam().setup, left);
        });
    ASSERT_THAT(report, testing::IsOk()) << to_string(trace);
    totals.crash_points += report->crash_points;
    totals.states += report->states;
  }
  std::printf("%s: %lu crash points, %lu states\n", name, totals.crash_points, totals.states);
}

INSTANTIATE_TEST_SUITE_P(Setups, CrashRecovery, ::testing::ValuesIn(kCases),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace walkit::crash
