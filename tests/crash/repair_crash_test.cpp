// Power lost, or the disk full, at every operation of a repair: never worse, and a second one
// finishes.

#include <gtest/gtest.h>

#include "crash/salvage_story.hpp"
#include "crash/workload.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/checked_directory.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using testing::IsOk;
using testing::OperationKind;

struct Damaged {
  const char* name;
  void (*damage)(CrashDirectory&, const Story&, std::vector<Touched>&);
};

std::string segment(const Story& story, std::size_t n) {
  std::vector<std::string> files;
  for (const std::string& file : story.image->list_files()) {
    if (file.ends_with(".wal")) files.push_back(file);
  }
  return files.at(n);
}

constexpr Damaged kDamaged[] = {
    {"Byte",
     [](CrashDirectory& d, const Story& story, std::vector<Touched>& touched) {
       const Story::Place& place = story.places.at(story.places.size() / 2);
       touched.push_back({place.file, place.begin + 70, place.begin + 71});
       ASSERT_THAT(d.flip_bit(place.file, (place.begin + 70) * 8), IsOk());
     }},
    {"SegmentMissing",
     [](CrashDirectory& d, const Story& story, std::vector<Touched>& touched) {
       touched.push_back({segment(story, 1)});
       ASSERT_THAT(d.remove_file(segment(story, 1)), IsOk());
     }},
    {"TailLost",
     [](CrashDirectory& d, const Story& story, std::vector<Touched>& touched) {
       const Story::Place& last = story.places.back();
       touched.push_back({last.file, last.begin});
       ASSERT_THAT(d.truncate_file(last.file, last.begin), IsOk());
     }},
    {"ManifestMissing",
     [](CrashDirectory& d, const Story&, std::vector<Touched>&) {
       ASSERT_THAT(d.remove_file("wal/MANIFEST"), IsOk());
     }},
    {"NamesSwapped", [](CrashDirectory& d, const Story& story, std::vector<Touched>&) {
       ASSERT_THAT(d.swap_files(segment(story, 0), segment(story, 1)), IsOk());
     }}};

class RepairCrash : public ::testing::TestWithParam<Damaged> {
 protected:
  void SetUp() override {
    story_ = tell_story(Ending::closed, Payloads::random, Layout::packed, 5);
    // What stood in caches only is not what this is about.
    story_.image = story_.image->crash(Crash::power_cut);
    GetParam().damage(*story_.image, story_, touched_);
    const auto salvaged = check_salvage(story_.image->clone(), story_, touched_);
    ASSERT_THAT(salvaged, IsOk());
    salvaged_ = *salvaged;
    const auto whole = story_.image->clone();
    const std::uint64_t before = whole->operation_count();
    ASSERT_THAT(repair(whole), IsOk());
    operations_ = whole->operation_count() - before;
    ASSERT_GT(operations_, 5u);
  }

  static Status repair(const std::shared_ptr<Directory>& directory) {
    const auto care = WalMaintenance::open(directory);
    if (!care) return care.error();
    const auto plan = care->plan_repair();
    if (!plan) return plan.error();
    return care->apply(*plan, plan->lost);
  }

  // What is left is as saved, can be repaired, and lost no byte.
  void expect_finishes(const std::shared_ptr<CrashDirectory>& left, const std::string& what) {
    SCOPED_TRACE(what);
    const auto saved = check_salvage(left, story_, touched_);
    ASSERT_THAT(saved, IsOk());
    EXPECT_TRUE(*saved == salvaged_);
    ASSERT_THAT(check_repair(left, story_, salvaged_), IsOk());
    EXPECT_THAT(check_bytes_are_kept(*story_.image, *left), IsOk());
  }

  Story story_{};
  std::vector<Touched> touched_{};
  Entries salvaged_{};
  std::uint64_t operations_ = 0;
};

TEST_P(RepairCrash, AnywhereASecondRepairFinishes) {
  const std::uint64_t states = from_environment("WALKIT_CRASH_SAMPLES", 6);
  for (std::uint64_t at = 1; at <= operations_; ++at) {
    const auto cut = story_.image->clone();
    cut->cut_power_at(at);
    ASSERT_FALSE(repair(cut).has_value()) << at;
    for (std::uint64_t state = 0; state < states; ++state) {
      const Crash kind = state == 0 ? Crash::process_kill : Crash::power_cut;
      expect_finishes(cut->crash(kind),
                      "operation " + std::to_string(at) + " state " + std::to_string(state));
    }
  }
}

TEST_P(RepairCrash, NoSpaceBeforeTheFirstNameChangesNothing) {
  bool named = false;
  for (std::uint64_t at = 1; at <= operations_; ++at) {
    const auto full = story_.image->clone();
    const std::uint64_t before = full->operation_count();
    full->fail_at(before + at, Errc::no_space);
    const Status repaired = repair(full);
    for (const auto& operation : full->operations(before)) {
      named = named || operation.kind == OperationKind::rename;
    }
    ASSERT_FALSE(repaired.has_value()) << at;
    if (!named) {
      EXPECT_EQ(full->list_files(), story_.image->list_files()) << at;
      for (const std::string& file : full->list_files()) {
        EXPECT_EQ(full->read_file(file).value(), story_.image->read_file(file).value()) << file;
      }
    }
    expect_finishes(full, "operation " + std::to_string(at));
  }
  EXPECT_TRUE(named);
}

TEST_P(RepairCrash, EachOperationThatFailsIsToldAndASecondRepairFinishes) {
  using testing::Fault;
  const auto whole = testing::FaultDirectory::create(story_.image->clone());
  ASSERT_THAT(repair(whole), IsOk());
  std::uint64_t kind = 0;
  for (std::uint64_t at = 0; at <= whole->operation_count(); ++at) {
    for (const Fault fault :
         {Fault::io, Fault::no_space, Fault::short_write, Fault::interrupted, Fault::read_only}) {
      const auto device = story_.image->clone();
      const auto faults = testing::FaultDirectory::create(device);
      const auto checked = testing::CheckedDirectory::create(faults);
      faults->fail_at(at, fault);
      const Status repaired = repair(checked);
      EXPECT_EQ(repaired.has_value(), at == 0);
      const bool full = fault == Fault::no_space || fault == Fault::short_write;
      if (!repaired) {
        EXPECT_EQ(repaired.error().code, full ? Errc::no_space : Errc::io);
      }
      EXPECT_THAT(checked->violations(), ::testing::IsEmpty());
      const auto left = ++kind % 3 == 0 ? device->clone() : device->crash(Crash::power_cut);
      expect_finishes(left, "operation " + std::to_string(at) + std::string(to_string(fault)));
      if (HasFailure()) return;
    }
  }
}

TEST_P(RepairCrash, EachOperationOfASalvageThatFailsIsTold) {
  const auto salvage = [&](const std::shared_ptr<Directory>& target) {
    return WalMaintenance::open(story_.image->clone()).value().salvage(target);
  };
  const auto whole = testing::FaultDirectory::create(CrashDirectory::create());
  ASSERT_THAT(salvage(whole), IsOk());
  for (std::uint64_t at = 0; at <= whole->operation_count(); ++at) {
    const auto device = CrashDirectory::create({.seed = at + 1});
    const auto faults = testing::FaultDirectory::create(device);
    const auto checked = testing::CheckedDirectory::create(faults);
    faults->fail_at(at, testing::Fault::io);
    const auto report = salvage(checked);
    EXPECT_THAT(checked->violations(), ::testing::IsEmpty());
    if (at > 0) {
      EXPECT_EQ(report.error().code, Errc::io) << at;
    } else {
      // What it said is durable.
      EXPECT_THAT(read_accepting(device->crash(Crash::power_cut)), IsOk());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Logs, RepairCrash, ::testing::ValuesIn(kDamaged),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace walkit::crash
