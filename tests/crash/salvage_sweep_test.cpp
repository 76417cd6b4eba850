// Whatever is damaged in a log with a past: what is untouched is saved, the rest is told, and the
// log can be repaired and goes on.

#include <gtest/gtest.h>

#include <cstdio>

#include "crash/salvage_story.hpp"
#include "crash/workload.hpp"

namespace walkit::crash {
namespace {

using testing::CrashDirectory;

struct Kind {
  const char* name;
  Ending ending;
  Payloads payloads;
  Layout layout;
};

class SalvageSweep : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    const Kind& kind = GetParam();
    const std::uint64_t seed = from_environment("WALKIT_SEED", 11);
    std::printf("WALKIT_SEED=%lu\n", seed);
    story_ = tell_story(kind.ending, kind.payloads, kind.layout, seed);
  }

  template <class Damaging>
  void expect_saved_and_repaired(const std::vector<Touched>& touched, Damaging&& damaging) {
    const std::string what = touched.front().file + " " + std::to_string(touched.front().begin) +
                             ".." + std::to_string(touched.front().end);
    const auto copy = story_.image->clone();
    ASSERT_TRUE(damaging(*copy)) << what;
    const auto salvaged = check_salvage(copy, story_, touched);
    ASSERT_TRUE(salvaged.has_value()) << what << ": salvage: " << to_string(salvaged.error());
    const Status repaired = check_repair(copy, story_, *salvaged);
    ASSERT_TRUE(repaired.has_value()) << what << ": repair: " << to_string(repaired.error());
  }

  std::uint64_t bytes_of(const std::string& file) {
    return story_.image->read_file(file).value().size();
  }

  // Of bytes; WALKIT_DAMAGE_STEP=1: each of them.
  static std::uint64_t step(std::uint64_t ordinary) {
    return from_environment("WALKIT_DAMAGE_STEP", ordinary);
  }

  Story story_{};
};

TEST_P(SalvageSweep, NothingIsWrong) {
  expect_saved_and_repaired({{"none"}}, [](CrashDirectory&) { return true; });
}

TEST_P(SalvageSweep, EachByteFlipped) {
  for (const std::string& file : story_.image->list_files()) {
    for (std::uint64_t byte = 0; byte < bytes_of(file); byte += step(61)) {
      expect_saved_and_repaired({{file, byte, byte + 1}}, [&](CrashDirectory& d) {
        return d.flip_bit(file, byte * 8 + byte % 8).has_value();
      });
    }
  }
}

TEST_P(SalvageSweep, EachSectorZeroed) {
  for (const std::string& file : story_.image->list_files()) {
    for (std::uint64_t sector = 0; sector * 512 < bytes_of(file); ++sector) {
      expect_saved_and_repaired({{file, sector * 512, sector * 512 + 512}}, [&](CrashDirectory& d) {
        return d.zero_sector(file, sector).has_value();
      });
    }
  }
}

TEST_P(SalvageSweep, EachLength) {
  for (const std::string& file : story_.image->list_files()) {
    for (std::uint64_t bytes = 0; bytes < bytes_of(file); bytes += step(97)) {
      expect_saved_and_repaired({{file, bytes}}, [&](CrashDirectory& d) {
        return d.truncate_file(file, bytes).has_value();
      });
    }
  }
}

TEST_P(SalvageSweep, EachFileRemoved) {
  for (const std::string& file : story_.image->list_files()) {
    expect_saved_and_repaired({{file}},
                              [&](CrashDirectory& d) { return d.remove_file(file).has_value(); });
  }
}

TEST_P(SalvageSweep, EachPairOfFilesSwapped) {
  const auto files = story_.image->list_files();
  for (const std::string& file : files) {
    for (const std::string& other : files) {
      // LOCK is no file of the log: the next writer writes over it.
      if (other <= file || file == "wal/LOCK" || other == "wal/LOCK") continue;
      expect_saved_and_repaired(
          {{"none"}}, [&](CrashDirectory& d) { return d.swap_files(file, other).has_value(); });
    }
  }
}

constexpr Kind kKinds[] = {{"Closed", Ending::closed, Payloads::random, Layout::packed},
                           {"ClosedZeros", Ending::closed, Payloads::zeros, Layout::packed},
                           {"Killed", Ending::killed, Payloads::random, Layout::packed},
                           {"KilledZeros", Ending::killed, Payloads::zeros, Layout::packed},
                           {"ClosedBlocks", Ending::closed, Payloads::random, Layout::whole_blocks},
                           {"KilledBlocks", Ending::killed, Payloads::zeros, Layout::whole_blocks}};

INSTANTIATE_TEST_SUITE_P(Logs, SalvageSweep, ::testing::ValuesIn(kKinds),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace walkit::crash
