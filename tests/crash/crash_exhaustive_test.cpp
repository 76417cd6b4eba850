// Every state that a crash can leave, of every trace of up to so many calls.

#include <gtest/gtest.h>

#include <cstdio>

#include "crash/workload.hpp"
#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using testing::CrashTestOptions;

struct Totals {
  std::uint64_t traces = 0, crash_points = 0, states = 0;
};

// All states of one trace; every so many of them are crashed again inside recovery.
Status crash_everywhere(const Setup& setup, const Trace& trace, CrashTestOptions options,
                        Totals& totals) {
  options.crash = setup.crash;
  options.recovery_depth = 0;  // check() writes; recovery is crashed below
  std::uint64_t state = 0;
  const auto report = testing::crash_test(
      options, [&](std::shared_ptr<Directory> d) { return run(d, setup, trace); },
      [&](std::shared_ptr<Directory> d, const Model& model) -> Status {
        const auto image = std::dynamic_pointer_cast<CrashDirectory>(d);
        if (++state % 16 == 0) {
          Status again = check_crashes_in_recovery(image, setup, model);
          if (!again) return again;
        }
        return check(d, setup, model);
      });
  if (!report) {
    Error error = report.error();
    error.message = to_string(trace) + ": " + error.message;
    return error;
  }
  ++totals.traces;
  totals.crash_points += report->crash_points;
  totals.states += report->states;
  return {};
}

// Whole up to three calls; WALKIT_CRASH_CALLS=4 takes a quarter of an hour and has been run.
// WALKIT_CRASH_STATES bounds the states of a trace, beyond which they are sampled.
void crash_all_traces(const char* name, const Setup& setup) {
  const std::uint64_t states_max = from_environment("WALKIT_CRASH_STATES", 100'000'000);
  const std::uint64_t calls_max = from_environment("WALKIT_CRASH_CALLS", 3);
  Totals totals;
  for (std::size_t calls = 0; calls <= calls_max; ++calls) {
    for (std::size_t n = 0; n < trace_count(calls); ++n) {
      const CrashTestOptions options{.seed = n + 1, .states_max = states_max, .tear_cuts = 1};
      ASSERT_THAT(crash_everywhere(setup, nth_trace(n, calls), options, totals), testing::IsOk());
    }
  }
  std::printf("%s: %lu traces, %lu crash points, %lu states\n", name, totals.traces,
              totals.crash_points, totals.states);
}

TEST(CrashStates, EveryAppendDurableLosesNothing) { crash_all_traces("every append, durable", {}); }

TEST(CrashStates, ManualPolicyKeepsWhatWasSynced) {
  crash_all_traces("manual", {.flush = FlushPolicy::manual()});
}

TEST(CrashStates, FlushedEntriesSurviveAKill) {
  crash_all_traces("flushed, killed",
                   {.durability = Durability::flushed, .crash = Crash::process_kill});
}

TEST(CrashStates, FlushedEntriesGoAsASuffixAtAPowerCut) {
  crash_all_traces("flushed, power cut", {.durability = Durability::flushed});
}

TEST(CrashStates, WholeBlocksLoseNothing) {
  crash_all_traces("whole blocks", {.layout = Layout::whole_blocks, .segment_bytes = 16384});
}

TEST(CrashStates, CompressedEntriesLoseNothing) {
  crash_all_traces("compressed", {.compression = Compression::lz4});
}

TEST(CrashStates, NoPreallocationLosesNothing) {
  crash_all_traces("no preallocation", {.preallocation = Preallocation::none});
}

}  // namespace
}  // namespace walkit::crash
