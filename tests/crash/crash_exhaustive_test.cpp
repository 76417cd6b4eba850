// Every state that a crash can leave, of every trace of up to so many calls.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "crash/told.hpp"
#include "crash/workload.hpp"
#include "walkit/testing/crash_test.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using testing::CrashModel;
using testing::CrashTestOptions;

struct Totals {
  std::uint64_t traces = 0, crash_points = 0, states = 0;
};

Status count(const Trace& trace, const Result<testing::CrashTestReport>& report, Totals& totals) {
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
  return count(trace, report, totals);
}

// The same beyond what the log assumes of a device, judged by check_is_told().
Status tell_everywhere(const Setup& setup, const Trace& trace, CrashTestOptions options,
                       Totals& totals, ToldTotals& told) {
  options.recovery_depth = 0;
  const auto report = testing::crash_test(
      options, [&](std::shared_ptr<Directory> d) { return run(d, setup, trace); },
      [&](std::shared_ptr<Directory> d, const Model& model) {
        return check_is_told(d, setup, model, told);
      });
  return count(trace, report, totals);
}

// WALKIT_CRASH_CALLS=4 takes a quarter of an hour and has been run. WALKIT_CRASH_STATES bounds the
// states of a trace, beyond which they are sampled.
struct Extent {
  std::uint64_t calls_max = from_environment("WALKIT_CRASH_CALLS", 3);
  std::uint64_t states_max = from_environment("WALKIT_CRASH_STATES", 100'000'000);
};

using Judge = std::function<Status(const Trace&, const CrashTestOptions&, Totals&)>;

void crash_all_traces(const char* name, const Extent& extent, CrashTestOptions options,
                      const Judge& judge) {
  Totals totals;
  options.states_max = extent.states_max;
  options.tear_cuts = 1;
  for (std::size_t calls = 0; calls <= extent.calls_max; ++calls) {
    for (std::size_t n = 0; n < trace_count(calls); ++n) {
      options.seed = n + 1;
      ASSERT_THAT(judge(nth_trace(n, calls), options, totals), testing::IsOk());
    }
  }
  std::printf("%s: %lu traces, %lu crash points, %lu states\n", name, totals.traces,
              totals.crash_points, totals.states);
}

void crash_all_traces(const char* name, const Setup& setup) {
  const auto judge = [&](const Trace& trace, const CrashTestOptions& options, Totals& totals) {
    return crash_everywhere(setup, trace, options, totals);
  };
  crash_all_traces(name, {}, {}, judge);
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

// Their states are among those of the weakest model, so one call fewer does.
class CrashStatesOfModel : public ::testing::TestWithParam<CrashModel> {
 protected:
  static Extent extent() {
    return {std::max<std::uint64_t>(1, from_environment("WALKIT_CRASH_CALLS", 3)) - 1,
            from_environment("WALKIT_CRASH_STATES", 2000)};
  }
};

TEST_P(CrashStatesOfModel, NothingIsLostOrNothingInSilence) {
  const CrashModel& model = GetParam();
  const crash::Setup setup;
  ToldTotals told;
  const auto judge = [&](const Trace& trace, const CrashTestOptions& options, Totals& totals) {
    if (model.is_legal()) return crash_everywhere(setup, trace, options, totals);
    return tell_everywhere(setup, trace, options, totals, told);
  };
  crash_all_traces(model.name, extent(), {.model = model}, judge);
  if (model.is_legal()) return;
  std::printf("%lu same, %lu refused, %lu reported, %lu rolled back\n", told.same, told.refused,
              told.reported, told.rolled_back);
}

INSTANTIATE_TEST_SUITE_P(Models, CrashStatesOfModel,
                         ::testing::Values(CrashModel::ext4(), CrashModel::xfs(),
                                           CrashModel::btrfs(), CrashModel::garbage_in_flight(),
                                           CrashModel::stale_blocks(), CrashModel::lying_disk()),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace walkit::crash
