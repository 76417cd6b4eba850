// A process killed at each operation of a save, then the power cut in the next life: a checkpoint
// for which something was given up is there.

#include <gtest/gtest.h>

#include <string>

#include "walkit/checkpoint/checkpoint_store.hpp"
#include "walkit/codec.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using testing::HasErrc;
using testing::IsOk;
using Store = CheckpointStore<std::string, BytesCodec>;

constexpr int kStates = 16;  // that a power cut may leave, of each

Result<Store> open(const std::shared_ptr<Directory>& directory) {
  return Store::open(directory, {});
}

void save_three(const std::shared_ptr<Directory>& directory) {
  auto store = open(directory).value();
  for (const std::uint64_t id : {3, 5, 9}) {
    if (!store.save(EntryId{id}, "state " + std::to_string(id), EntryId{id})) return;
  }
}

/// What a process that was killed at that operation left, with power on.
std::shared_ptr<CrashDirectory> killed_at(std::uint64_t operation) {
  const auto directory = CrashDirectory::create({.seed = operation});
  directory->cut_power_at(operation);
  save_three(directory);
  return directory->crash(Crash::process_kill);
}

std::uint64_t operations_of_three() {
  const auto directory = CrashDirectory::create();
  save_three(directory);
  return directory->operation_count();
}

TEST(CheckpointKilled, WhatIsCoveredStaysCovered) {
  const std::uint64_t last = operations_of_three();
  std::uint64_t covered_ones = 0;
  for (std::uint64_t operation = 1; operation <= last; ++operation) {
    const auto cached = killed_at(operation);
    const EntryId covered = open(cached)->covered_through().value();
    covered_ones += covered > EntryId{};
    for (int state = 0; state < kStates; ++state) {
      const auto left = open(cached->crash(Crash::power_cut));
      ASSERT_THAT(left, IsOk());
      ASSERT_GE(left->covered_through().value(), covered) << "killed at " << operation;
    }
  }
  EXPECT_GT(covered_ones, 5u);
}

TEST(CheckpointKilled, WhatPruneLeavesIsThere) {
  const std::uint64_t last = operations_of_three();
  std::uint64_t pruned_ones = 0;
  for (std::uint64_t operation = 1; operation <= last; ++operation) {
    const auto cached = killed_at(operation);
    const auto planned = open(cached)->plan_prune().value();
    pruned_ones += !planned.empty();
    for (std::uint64_t cut = 1; cut <= 8; ++cut) {
      const auto second = cached->clone();
      second->cut_power_at(cut);
      auto store = open(second).value();
      const EntryId newest = store.list()->empty() ? EntryId{} : store.list()->back().entry_id;
      store.prune().ignore("the power goes somewhere in it");
      for (int state = 0; state < kStates && !planned.empty(); ++state) {
        const auto left = open(second->crash(Crash::power_cut));
        ASSERT_THAT(left, IsOk());
        // Two are kept, unless nothing was removed for them.
        const auto list = left->list().value();
        const bool none_removed = !list.empty() && list.front().entry_id == planned[0].entry_id;
        ASSERT_TRUE(none_removed || (list.size() >= 2 && list.back().entry_id == newest))
            << "killed at " << operation << ", cut at " << cut;
      }
    }
  }
  EXPECT_GT(pruned_ones, 0u);
}

TEST(CheckpointKilled, SettledIsDurable) {
  const std::uint64_t last = operations_of_three();
  for (std::uint64_t operation = 1; operation <= last; ++operation) {
    const auto cached = killed_at(operation);
    const auto store = open(cached).value();
    ASSERT_THAT(store.files().settle(), IsOk());
    const auto found = store.list().value();
    const std::uint64_t before = cached->operation_count();
    ASSERT_THAT(store.files().settle(), IsOk());
    EXPECT_EQ(cached->operation_count(), before) << "once is enough";
    const auto left = open(cached->crash(Crash::power_cut))->list().value();
    ASSERT_EQ(left.size(), found.size()) << "killed at " << operation;
  }
}

// A sync that failed once may answer success the next time, with the name still not durable.
TEST(CheckpointKilled, AFailedSyncIsNotAskedAgain) {
  const auto directory = CrashDirectory::create();
  save_three(directory);
  for (const bool of_the_folder : {false, true}) {
    const auto next = directory->clone();
    auto store = open(next).value();
    next->fail_at(next->operation_count() + (of_the_folder ? 2 : 1), Errc::io);
    ASSERT_THAT(store.files().settle(), HasErrc(Errc::io));
    EXPECT_THAT(store.files().settle(), HasErrc(Errc::poisoned));
    EXPECT_THAT(store.covered_through(), HasErrc(Errc::poisoned));
    EXPECT_THAT(store.save(EntryId{11}, "state", EntryId{11}), HasErrc(Errc::poisoned));
  }
}

}  // namespace
}  // namespace walkit
