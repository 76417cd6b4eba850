// What each call costs in writes and syncs: nobody may make it dearer unseen.

#include "log/writer_harness.hpp"

namespace walkit {
namespace {

std::uint64_t syncs_of(const std::vector<Operation>& operations) {
  return count_of(operations, OperationKind::sync_file) +
         count_of(operations, OperationKind::sync_directory);
}

struct Costs {
  std::shared_ptr<CrashDirectory> directory = CrashDirectory::create();

  template <class Call>
  std::vector<Operation> of(Call&& call) const {
    const std::uint64_t before = directory->operation_count();
    EXPECT_THAT(call(), IsOk());
    return directory->operations(before);
  }
};

std::string first_segment(const Costs& costs) {
  return "wal/" + segment_files(costs.directory).at(0);
}

TEST(CallCount, LoneAppendIsOneWriteOneSyncAndTheLockRecord) {
  Costs costs;
  auto wal = Wal::open(costs.directory).value();
  ASSERT_THAT(wal.append("first"), IsOk());
  const std::string segment = first_segment(costs);
  for (int n = 0; n < 100; ++n) {
    EXPECT_EQ(costs.of([&] { return wal.append(std::string(100, 'x')); }),
              (std::vector<Operation>{{OperationKind::write_at, segment},
                                      {OperationKind::sync_file, segment},
                                      {OperationKind::write_at, "wal/LOCK"}}));
  }
}

TEST(CallCount, BatchCostsWhatOneAppendDoes) {
  Costs costs;
  auto wal = Wal::open(costs.directory, {.layout = Layout::whole_blocks}).value();
  ASSERT_THAT(wal.append("first"), IsOk());
  const auto operations = costs.of([&] { return wal.append_batch({"a", "b", "c", "d"}); });
  EXPECT_EQ(operations.size(), 3u);
  EXPECT_EQ(count_of(operations, OperationKind::sync_file, ".wal"), 1u);
}

TEST(CallCount, FlushedAppendIsOneWrite) {
  Costs costs;
  auto wal = Wal::open(costs.directory, {.durability = Durability::flushed}).value();
  ASSERT_THAT(wal.append("first"), IsOk());
  const auto operations = costs.of([&] { return wal.append("second"); });
  EXPECT_EQ(operations, (std::vector<Operation>{{OperationKind::write_at, first_segment(costs)}}));
}

TEST(CallCount, ManyBufferedEntriesAreOneWrite) {
  Costs costs;
  auto wal = Wal::open(costs.directory, {.flush = FlushPolicy::manual()}).value();
  for (int n = 0; n < 1000; ++n) ASSERT_THAT(wal.append(std::string(100, 'x')), IsOk());
  const auto operations = costs.of([&] { return wal.sync(); });
  EXPECT_EQ(operations.size(), 3u);
  EXPECT_EQ(count_of(operations, OperationKind::write_at, ".wal"), 1u);
}

TEST(CallCount, NothingToDoCostsNothing) {
  Costs costs;
  auto wal = Wal::open(costs.directory).value();
  ASSERT_THAT(wal.append("first"), IsOk());
  EXPECT_TRUE(costs.of([&] { return wal.flush(); }).empty());
  EXPECT_TRUE(costs.of([&] { return wal.sync(); }).empty());
  EXPECT_TRUE(costs.of([&] { return wal.wait_durable(EntryId{1}); }).empty());
  EXPECT_TRUE(costs.of([&] { return wal.append_batch({}); }).empty());
}

TEST(CallCount, FirstAppendPaysThreeSyncsBesidesItsOwn) {
  Costs costs;
  auto wal = Wal::open(costs.directory).value();
  const auto operations = costs.of([&] { return wal.append("first"); });
  EXPECT_EQ(syncs_of(operations), 3u + 1);
  EXPECT_EQ(count_of(operations, OperationKind::sync_file, "MANIFEST"), 1u);
  EXPECT_EQ(count_of(operations, OperationKind::sync_directory), 1u);
  EXPECT_EQ(count_of(operations, OperationKind::rename), 1u);
  EXPECT_EQ(count_of(operations, OperationKind::fill_zeros), 1u);
}

TEST(CallCount, RotatingAppendPaysFourSyncsBesidesItsOwn) {
  Costs costs;
  auto wal = Wal::open(costs.directory, {.segment_bytes = 4096}).value();
  ASSERT_THAT(wal.append(std::string(2000, 'x')), IsOk());
  const auto operations = costs.of([&] { return wal.append(std::string(2000, 'x')); });
  ASSERT_EQ(segment_files(costs.directory).size(), 2u);
  EXPECT_EQ(syncs_of(operations), 4u + 1);
  EXPECT_EQ(count_of(operations, OperationKind::sync_file, first_segment(costs)), 1u);
  EXPECT_EQ(count_of(operations, OperationKind::truncate, first_segment(costs)), 1u);
}

TEST(CallCount, OpenAfterCleanCloseWritesNoByteButLock) {
  Costs costs;
  for (const bool has_entries : {false, true}) {
    auto wal = Wal::open(costs.directory).value();
    if (has_entries) {
      ASSERT_THAT(wal.append("first"), IsOk());
    }
    ASSERT_THAT(wal.close(), IsOk());
    std::optional<Wal> next;  // its close is not counted
    const auto operations = costs.of([&] {
      next.emplace(Wal::open(costs.directory).value());
      return Status{};
    });
    // The folder's own name is made sure of, and the manifest's until it names a segment: who made
    // them may have been killed before they were durable.
    std::vector<Operation> expected{{OperationKind::create_subdirectory, "wal"},
                                    {OperationKind::sync_directory, ""}};
    if (!has_entries) expected.push_back({OperationKind::sync_directory, "wal/"});
    expected.push_back({OperationKind::write_at, "wal/LOCK"});
    EXPECT_EQ(operations, expected);
  }
}

TEST(CallCount, CloseIsOneSyncOfTheSegmentAndOneOfTheManifest) {
  Costs costs;
  auto wal = Wal::open(costs.directory).value();
  ASSERT_THAT(wal.append("first"), IsOk());
  const auto operations = costs.of([&] { return wal.close(); });
  EXPECT_EQ(syncs_of(operations), 2u);
  EXPECT_EQ(count_of(operations, OperationKind::sync_file, ".wal"), 1u);
  EXPECT_EQ(count_of(operations, OperationKind::sync_file, "MANIFEST"), 1u);
}

TEST(CallCount, CloseWithoutOwnSegmentWritesTheManifestUnlessItDidAlready) {
  Costs costs;
  auto fresh = Wal::open(costs.directory).value();
  EXPECT_TRUE(costs.of([&] { return fresh.close(); }).empty());
  auto first = Wal::open(costs.directory).value();
  ASSERT_THAT(first.append("first"), IsOk());
  ASSERT_THAT(first.close(), IsOk());
  auto second = Wal::open(costs.directory).value();
  // Clean it says, but it was only read: the sync behind it may have failed.
  EXPECT_EQ(costs.of([&] { return second.close(); }),
            (std::vector<Operation>{{OperationKind::write_at, "wal/MANIFEST"},
                                    {OperationKind::sync_file, "wal/MANIFEST"}}));
}

TEST(CallCount, SyncsGrowWithTheStepsOfPrefillOnly) {
  Costs costs;
  auto wal = Wal::open(costs.directory).value();
  ASSERT_THAT(wal.append("first"), IsOk());
  const std::uint64_t before = costs.directory->operation_count();
  for (int n = 0; n < 100; ++n) ASSERT_THAT(wal.append(std::string(40'000, 'x')), IsOk());
  const auto operations = costs.directory->operations(before);
  EXPECT_EQ(syncs_of(operations), 100u);
  EXPECT_EQ(count_of(operations, OperationKind::fill_zeros), 2u);  // 1, 2 and 4 MiB more
}

}  // namespace
}  // namespace walkit
