// Every operation and every read of many traces fails once, in every way, and on short traces every
// two of them: nothing acknowledged is lost, each error has the right code, the writer goes on or
// is done for as it says, keeps to the protocol, and the log opens again.

#include <gtest/gtest.h>

#include <cstdio>

#include "crash/fault_story.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::crash {
namespace {

using testing::Fault;
using testing::IsOk;

constexpr Fault kFaults[] = {Fault::io, Fault::no_space, Fault::short_write, Fault::interrupted,
                             Fault::read_only};

struct Work {
  const char* name;
  Setup setup;
  Trace trace;
};

/// All traces of two calls, and longer ones under each option that changes what is written when.
std::vector<Work> works() {
  std::vector<Work> all;
  for (std::size_t n = 0; n < trace_count(2); ++n) all.push_back({"default", {}, nth_trace(n, 2)});
  const Trace rotating = {Call::append,       Call::append_large, Call::append_large, Call::batch,
                          Call::append_large, Call::reopen,       Call::append};
  const Trace buffered = {Call::batch, Call::flush,        Call::append_large, Call::append_large,
                          Call::sync,  Call::append,       Call::flush,        Call::reopen,
                          Call::batch, Call::append_large, Call::sync};
  const struct {
    const char* name;
    Setup setup;
  } setups[] = {{"default", {}},
                {"manual", {.flush = FlushPolicy::manual()}},
                {"every three", {.flush = FlushPolicy::every_n(3)}},
                {"every 2000 bytes", {.flush = FlushPolicy::every_bytes(2000)}},
                {"flushed", {.durability = Durability::flushed}},
                {"whole blocks", {.layout = Layout::whole_blocks, .segment_bytes = 16384}},
                {"no preallocation", {.preallocation = Preallocation::none}},
                {"lz4", {.compression = Compression::lz4}}};
  for (const auto& s : setups) {
    all.push_back({s.name, s.setup, rotating});
    all.push_back({s.name, s.setup, buffered});
  }
  return all;
}

struct Totals {
  std::uint64_t runs = 0, faults = 0, refused = 0, poisoned = 0;
  ~Totals() {
    std::printf("%lu runs, %lu faults met, %lu calls refused, %lu writers done for\n", runs, faults,
                refused, poisoned);
  }
};

std::string described(const Work& work, const std::vector<PlacedFault>& faults) {
  std::string text = std::string(work.name) + ": " + to_string(work.trace);
  for (const PlacedFault& placed : faults) {
    text += std::string(placed.read ? "; read " : "; operation ") + std::to_string(placed.number) +
            " fails: " + std::string(to_string(placed.fault));
  }
  return text;
}

FaultStory expect_well(const Work& work, const std::vector<PlacedFault>& faults, Totals& totals) {
  FaultStory story = tell(work.setup, work.trace, faults);
  ++totals.runs;
  totals.faults += story.faults;
  totals.refused += story.refused;
  totals.poisoned += story.poisoned;
  EXPECT_THAT(judge(story, work.setup), IsOk()) << described(work, faults);
  return story;
}

// Ordinarily a part of all faults; WALKIT_FAULT_STEP=1: all of them.
std::uint64_t step_of(std::uint64_t ordinary) {
  return from_environment("WALKIT_FAULT_STEP", ordinary);
}

TEST(FaultSweep, EachOperationOfEachTrace) {
  Totals totals;
  const std::uint64_t step = step_of(2);
  std::uint64_t at = 0;
  const auto all = works();
  ASSERT_GE(all.size(), 40u);
  for (const Work& work : all) {
    const FaultStory whole = expect_well(work, {}, totals);
    ASSERT_EQ(whole.refused + whole.poisoned, 0u);
    for (std::uint64_t number = 1; number <= whole.operations; ++number) {
      for (const Fault fault : kFaults) {
        if (at++ % step != 0) continue;
        const FaultStory story = expect_well(work, {{.number = number, .fault = fault}}, totals);
        EXPECT_EQ(story.faults, 1u);
        if (HasFailure()) return;
      }
    }
  }
}

TEST(FaultSweep, EachReadOfEachTrace) {
  Totals totals;
  const std::uint64_t step = step_of(2);
  std::uint64_t at = 0;
  for (const Work& work : works()) {
    const std::uint64_t reads = tell(work.setup, work.trace, {}).reads;
    for (std::uint64_t number = 1; number <= reads; ++number) {
      if (at++ % step != 0) continue;
      const PlacedFault fault{.number = number, .fault = Fault::io, .read = true};
      expect_well(work, {fault}, totals);
      if (HasFailure()) return;
    }
  }
}

TEST(FaultSweep, EachPairOfOperationsOfShortTraces) {
  Totals totals;
  const std::uint64_t step = step_of(11);
  std::uint64_t at = 0;
  for (std::size_t n = 0; n < trace_count(1); ++n) {
    const Work work{"default", {}, nth_trace(n, 1)};
    const std::uint64_t operations = tell(work.setup, work.trace, {}).operations;
    for (std::uint64_t first = 1; first <= operations; ++first) {
      for (const Fault one : kFaults) {
        const PlacedFault early{.number = first, .fault = one};
        // After the first there are other operations than before.
        const std::uint64_t later = tell(work.setup, work.trace, {early}).operations;
        for (std::uint64_t second = first + 1; second <= later; ++second) {
          for (const Fault two : kFaults) {
            if (at++ % step != 0) continue;
            expect_well(work, {early, {.number = second, .fault = two}}, totals);
            if (HasFailure()) return;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace walkit::crash
