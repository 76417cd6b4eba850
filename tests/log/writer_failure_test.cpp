// Every operation of a workload fails once, in every way a device can refuse it.

#include <algorithm>

#include "io/temp_directory.hpp"
#include "log/writer_harness.hpp"

namespace walkit {
namespace {

constexpr std::uint64_t kEntries = 20;

WalOptions small() { return {.segment_bytes = 4096}; }

struct Outcome {
  std::uint64_t acknowledged = 0;  // entries, all durable
  std::uint64_t submitted = 0;
  bool opened = false, closed = false;
  std::vector<Error> refusals{};
  Verdict verdict{};
};

// Twenty durable appends with rotations, then close. An append that is refused is tried again once:
// no_space goes away, poisoned does not.
Outcome run(const std::shared_ptr<Directory>& directory) {
  Outcome result;
  auto wal = Wal::open(directory, small());
  if (!wal) return result;
  result.opened = true;
  for (std::uint64_t n = 1; n <= kEntries; ++n) {
    const EntryId next = wal->next_entry_id();
    auto id = wal->append(entry_text(n));
    if (!id) {
      result.refusals.push_back(id.error());
      if (id.error().code == Errc::no_space) {
        EXPECT_EQ(wal->next_entry_id(), next) << "no_space used an id";
      }
      id = wal->append(entry_text(n));
    }
    result.submitted = wal->next_entry_id().value - 1;
    if (!id) {
      result.refusals.push_back(id.error());
      break;
    }
    EXPECT_EQ(id->value, n);
    result.acknowledged = n;
  }
  const Verdict before = wal->verdict();
  const Status closed = wal->close();
  EXPECT_FALSE(closed && before.failure) << "a poisoned writer closed in peace";
  EXPECT_TRUE(closed || wal->verdict().failure);
  result.closed = closed.has_value();
  result.verdict = wal->verdict();
  return result;
}

void expect_right_verdict(const Outcome& result) {
  const Verdict& verdict = result.verdict;
  EXPECT_EQ(verdict.durable_through.value, result.acknowledged);
  EXPECT_EQ(verdict.in_doubt,
            (EntryIdRange{verdict.durable_through + 1, EntryId{result.submitted}}));
  EXPECT_TRUE(verdict.failure || result.acknowledged == kEntries);
}

// The files that were synced again after a sync of theirs was the operation that failed.
void expect_no_second_sync(const CrashDirectory& directory, std::uint64_t failed) {
  const auto operations = directory.operations(failed - 1);
  if (operations.empty() || operations.front().kind != OperationKind::sync_file) return;
  const std::string& name = operations.front().name;
  for (std::size_t i = 1; i < operations.size(); ++i) {
    EXPECT_FALSE(operations[i].name == name && operations[i].kind == OperationKind::sync_file)
        << name << " was synced again";
  }
}

void expect_all_acknowledged(const std::shared_ptr<CrashDirectory>& left, const Outcome& result) {
  // What was submitted and refused may be there: it is in doubt.
  expect_recovers(left, entry_texts(result.submitted), result.acknowledged);
}

void fail_each_operation(Errc code) {
  const auto whole = CrashDirectory::create();
  ASSERT_TRUE(run(whole).closed);
  ASSERT_GE(segment_files(whole).size(), 3u);
  for (std::uint64_t at = 1; at <= whole->operation_count(); ++at) {
    const auto directory = CrashDirectory::create({.seed = at});
    directory->fail_at(at, code);
    SCOPED_TRACE("operation " + std::to_string(at) +
                 " fails: " + whole->operations(at - 1)[0].name);
    const Outcome result = run(directory);
    if (result.opened) {
      expect_right_verdict(result);
      expect_no_second_sync(*directory, at);
    }
    expect_all_acknowledged(directory->clone(), result);
    // The lie: the page cache reads well, and the device has something else.
    expect_all_acknowledged(directory->crash(Crash::power_cut), result);
    const auto killed = directory->crash(Crash::process_kill);
    expect_all_acknowledged(killed->clone(), result);
    expect_all_acknowledged(killed->crash(Crash::power_cut), result);
    if (::testing::Test::HasFailure()) return;
  }
}

// Acceptance check 12.
TEST(WriterFailure, IoErrorAnywhereLosesNothingAcknowledged) { fail_each_operation(Errc::io); }

TEST(WriterFailure, NoSpaceAnywhereLosesNothingAcknowledged) {
  fail_each_operation(Errc::no_space);
}

// Recovers after the lie and crashes again, before and after.
TEST(WriterFailure, RecoveryFromAFailedSyncSurvivesItsOwnPowerCut) {
  const auto whole = CrashDirectory::create();
  run(whole);
  for (std::uint64_t at = 1; at <= whole->operation_count(); ++at) {
    if (whole->operations(at - 1)[0].kind != OperationKind::sync_file) continue;
    SCOPED_TRACE("operation " + std::to_string(at));
    const auto directory = CrashDirectory::create({.seed = at});
    directory->fail_at(at, Errc::io);
    const Outcome result = run(directory);
    for (std::uint64_t cut = 1; cut <= 12; ++cut) {
      const auto killed = directory->crash(Crash::process_kill);
      killed->cut_power_at(cut);
      Wal::open(killed).ignore("the power goes while it recovers");
      expect_all_acknowledged(killed->crash(Crash::power_cut), result);
    }
    if (::testing::Test::HasFailure()) return;
  }
}

// The operation that the next call does, counted from 1.
std::uint64_t next_operation(const CrashDirectory& directory, std::uint64_t nth = 1) {
  return directory.operation_count() + nth;
}

TEST(WriterFailure, FailedLockRecordDoesNotFailTheAppend) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  directory->fail_at(next_operation(*directory, 3), Errc::io);
  EXPECT_THAT(wal.append("b"), IsOkAndHolds(EntryId{2}));
  EXPECT_EQ(directory->operations().back(), (Operation{OperationKind::write_at, "wal/LOCK"}));
  EXPECT_THAT(wal.append("c"), IsOkAndHolds(EntryId{3}));
  EXPECT_THAT(wal.close(), IsOk());
}

TEST(WriterFailure, FailedWriteAndFailedSyncAreFinal) {
  for (const std::uint64_t nth : {1, 2}) {
    for (const Errc code : {Errc::io, Errc::no_space}) {
      const auto directory = CrashDirectory::create();
      auto wal = Wal::open(directory).value();
      ASSERT_THAT(wal.append("a"), IsOk());
      directory->fail_at(next_operation(*directory, nth), code);
      EXPECT_THAT(wal.append("b"), HasErrc(Errc::poisoned));
      const std::uint64_t after = directory->operation_count();
      EXPECT_THAT(wal.append("c"), HasErrc(Errc::poisoned));
      EXPECT_THAT(wal.append_async("c"), HasErrc(Errc::poisoned));
      EXPECT_THAT(wal.flush(), HasErrc(Errc::poisoned));
      EXPECT_THAT(wal.sync(), HasErrc(Errc::poisoned));
      EXPECT_THAT(wal.wait_durable(EntryId{2}), HasErrc(Errc::poisoned));
      EXPECT_THAT(wal.wait_durable(EntryId{1}), IsOk());
      EXPECT_THAT(wal.close(), HasErrc(Errc::poisoned));
      EXPECT_EQ(directory->operation_count(), after);
    }
  }
}

TEST(WriterFailure, VerdictNamesWhatIsInDoubtAndWhy) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory, {.flush = FlushPolicy::manual()}).value();
  for (const char* text : {"a", "b"}) ASSERT_THAT(wal.append(text), IsOk());
  ASSERT_THAT(wal.sync(), IsOk());
  for (const char* text : {"c", "d", "e"}) ASSERT_THAT(wal.append(text), IsOk());
  directory->fail_at(next_operation(*directory), Errc::io);
  const Status failed = wal.sync();
  ASSERT_THAT(failed, HasErrc(Errc::poisoned));
  EXPECT_EQ(failed.error().lost, (EntryIdRange{EntryId{3}, EntryId{5}}));
  const Verdict verdict = wal.verdict();
  EXPECT_EQ(verdict.durable_through, EntryId{2});
  EXPECT_EQ(verdict.in_doubt, (EntryIdRange{EntryId{3}, EntryId{5}}));
  ASSERT_TRUE(verdict.failure);
  EXPECT_EQ(verdict.failure->code, Errc::io);
  EXPECT_NE(to_string(verdict).find("3..5"), std::string::npos) << to_string(verdict);
}

// Nothing was lost when the rotation failed, and yet the writer is done for.
TEST(WriterFailure, FailedRotationIsFinalForEveryCall) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory, small()).value();
  ASSERT_THAT(wal.append(std::string(3000, 'x')), IsOk());
  // create, fill_zeros, seal, truncate, sync
  directory->fail_at(next_operation(*directory, 5), Errc::io);
  EXPECT_THAT(wal.append(std::string(3000, 'y')), HasErrc(Errc::poisoned));
  EXPECT_EQ(directory->operations().back().kind, OperationKind::sync_file);
  const std::uint64_t after = directory->operation_count();
  EXPECT_THAT(wal.sync(), HasErrc(Errc::poisoned));
  EXPECT_THAT(wal.flush(), HasErrc(Errc::poisoned));
  EXPECT_THAT(wal.close(), HasErrc(Errc::poisoned));
  EXPECT_EQ(directory->operation_count(), after);
}

TEST(WriterFailure, NoSpaceForTheNextSegmentKeepsWhatIsBuffered) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory, {.flush = FlushPolicy::manual(), .segment_bytes = 4096}).value();
  const std::vector<std::string> texts = {std::string(1500, 'a'), std::string(1500, 'b'),
                                          std::string(1500, 'c')};
  ASSERT_THAT(wal.append(texts[0]), IsOk());
  ASSERT_THAT(wal.append(texts[1]), IsOk());
  for (int n = 0; n < 5; ++n) {
    const auto before = directory->operation_count();
    directory->fail_at(before + 2, Errc::no_space);  // fill_zeros of the wish
    directory->fail_at(before + 5, Errc::no_space);  // and of the need
    EXPECT_THAT(wal.append(texts[2]), HasErrc(Errc::no_space));
    EXPECT_EQ(wal.next_entry_id(), EntryId{3});
  }
  EXPECT_FALSE(wal.verdict().failure);
  EXPECT_THAT(wal.sync(), IsOk()) << "what is buffered has room";
  EXPECT_THAT(wal.append(texts[2]), IsOkAndHolds(EntryId{3}));
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_EQ(read_all(directory).value(), texts);
}

TEST(WriterFailure, NoSpaceWhileASegmentGrowsGoesOnWhenThereIsRoom) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory).value();
  const std::string large(700'000, 'x');
  ASSERT_THAT(wal.append(large), IsOk());
  directory->fail_at(next_operation(*directory, 1), Errc::no_space);
  directory->fail_at(next_operation(*directory, 2), Errc::no_space);
  EXPECT_THAT(wal.append(large), HasErrc(Errc::no_space));
  EXPECT_EQ(wal.next_entry_id(), EntryId{2});
  EXPECT_THAT(wal.append("small"), IsOkAndHolds(EntryId{2})) << "for this one there is room";
  EXPECT_THAT(wal.append(large), IsOkAndHolds(EntryId{3}));
  // A nearly full disk: the step fails, what is needed does not.
  directory->fail_at(next_operation(*directory, 1), Errc::no_space);
  EXPECT_THAT(wal.append(std::string(1'000'000, 'y')), IsOkAndHolds(EntryId{4}));
  ASSERT_THAT(wal.close(), IsOk());
  EXPECT_THAT(read_all(directory), IsOk());
}

TEST(WriterFailure, NextSegmentThatCannotBeMadeIsTriedAgain) {
  for (const std::uint64_t nth : {1, 2}) {  // create, fill_zeros
    const auto directory = CrashDirectory::create();
    auto wal = Wal::open(directory, small()).value();
    ASSERT_THAT(wal.append(std::string(3000, 'x')), IsOk());
    directory->fail_at(next_operation(*directory, nth), Errc::io);
    EXPECT_THAT(wal.append(std::string(3000, 'y')), HasErrc(Errc::io));
    EXPECT_FALSE(wal.verdict().failure);
    EXPECT_THAT(wal.append(std::string(3000, 'y')), IsOkAndHolds(EntryId{2}));
  }
}

TEST(WriterFailure, WithoutPreallocationAFullDiskIsFinal) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory, {.preallocation = Preallocation::none}).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  directory->fail_at(next_operation(*directory), Errc::no_space);
  EXPECT_THAT(wal.append("b"), HasErrc(Errc::poisoned));
  EXPECT_EQ(wal.verdict().failure->code, Errc::no_space);
}

TEST(WriterFailure, IoErrorWhileASegmentGrowsIsFinal) {
  const auto directory = CrashDirectory::create();
  auto wal = Wal::open(directory).value();
  const std::string large(700'000, 'x');
  ASSERT_THAT(wal.append(large), IsOk());
  directory->fail_at(next_operation(*directory, 1), Errc::io);
  EXPECT_THAT(wal.append(large), HasErrc(Errc::poisoned));
  EXPECT_THAT(wal.append("a"), HasErrc(Errc::poisoned));
  EXPECT_EQ(wal.verdict().in_doubt, (EntryIdRange{EntryId{2}, EntryId{1}}));
}

TEST(WriterFailure, FailedCloseIsToldAndLeavesTheLogReadable) {
  // close frame, seal, cut, sync; manifest slot, sync
  for (std::uint64_t nth = 1; nth <= 6; ++nth) {
    const auto directory = CrashDirectory::create({.seed = nth});
    auto other = Wal::open(directory).value();
    ASSERT_THAT(other.append("a"), IsOk());
    directory->fail_at(next_operation(*directory, nth), Errc::io);
    EXPECT_THAT(other.close(), HasErrc(Errc::poisoned)) << nth;
    EXPECT_TRUE(other.verdict().failure);
    EXPECT_THAT(other.append("b"), HasErrc(Errc::closed));
    expect_recovers(directory->crash(Crash::power_cut), {"a"}, 1);
  }
}

// Somebody removes or replaces LOCK: another writer may be at work, so nothing is acknowledged.
TEST(WriterFailure, LostLockAcknowledgesNothing) {
  for (const bool replaces : {false, true}) {
    const TempDirectory temp;
    auto wal = Wal::open(temp.open()).value();
    ASSERT_THAT(wal.append("a"), IsOk());
    std::filesystem::remove(temp / "wal/LOCK");
    if (replaces) temp.put("wal/LOCK", "");
    EXPECT_THAT(wal.append("b"), HasErrc(Errc::poisoned));
    EXPECT_THAT(wal.append(std::string(3 << 20, 'x')), HasErrc(Errc::poisoned));
    EXPECT_EQ(wal.verdict().in_doubt, (EntryIdRange{EntryId{2}, EntryId{2}}));
    EXPECT_THAT(wal.close(), HasErrc(Errc::poisoned));
    EXPECT_EQ(read_all(temp.open()).value(), std::vector<std::string>{"a"});
  }
}

TEST(WriterFailure, LostLockMakesNoRoomEither) {
  const TempDirectory temp;
  auto wal = Wal::open(temp.open()).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  const std::string file = "wal/" + segment_files(temp.open()).at(0);
  const auto before = std::filesystem::file_size(temp / file.c_str());
  std::filesystem::remove(temp / "wal/LOCK");
  EXPECT_THAT(wal.append(std::string(3 << 20, 'x')), HasErrc(Errc::poisoned));
  EXPECT_EQ(wal.next_entry_id(), EntryId{2});
  EXPECT_EQ(std::filesystem::file_size(temp / file.c_str()), before);
}

TEST(WriterFailure, SegmentUnlinkedUnderTheWriterIsNotAcknowledged) {
  const TempDirectory temp;
  auto wal = Wal::open(temp.open()).value();
  ASSERT_THAT(wal.append("a"), IsOk());
  const std::string file = "wal/" + segment_files(temp.open()).at(0);
  std::filesystem::remove(temp / file.c_str());
  EXPECT_THAT(wal.append("b"), HasErrc(Errc::poisoned));
  EXPECT_EQ(wal.verdict().failure->file, file.substr(4));
}

}  // namespace
}  // namespace walkit
