// Backups of a log and its checkpoints together, and the state that a copy gives back.

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "io/temp_directory.hpp"
#include "log/busy_directory.hpp"
#include "walkit/backup.hpp"
#include "walkit/cereal_codec.hpp"
#include "walkit/io/fs_directory.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/journaled.hpp"
#include "walkit/testing/checked_directory.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using Call = BusyDirectory::Call;
using testing::CrashDirectory;
using testing::HasErrc;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Not;
using ::testing::SizeIs;

/// Counts its entries, and adds them.
struct Sum {
  using Entry = std::uint64_t;
  std::uint64_t count = 0, total = 0;
  void apply(std::uint64_t n) {
    ++count;
    total += n;
  }
  template <class A>
  void serialize(A& a) {
    a(count, total);
  }
};
using Journal = Journaled<Sum>;

/// The entries are 1, 2, 3 and so on, so that count and total check each other.
void add(Journal& journal, int times) {
  for (int i = 0; i < times; ++i) {
    ASSERT_THAT(journal.apply(journal.applied_entry_id().value + 1), IsOk());
  }
}

std::shared_ptr<Directory> place_beside(const std::shared_ptr<Directory>& directory) {
  return directory->subdirectory("copy", OpenMode::create).value();
}

/// Two checkpoints, at 5 and at 10, each of which ended a segment; 12 entries in all.
Journal make_journal(const std::shared_ptr<Directory>& directory) {
  for (int life = 0; life < 2; ++life) {
    auto journal = Journal::open(directory).value();
    add(journal, 5);
    journal.checkpoint().value();
    EXPECT_THAT(journal.close(), IsOk());
  }
  auto journal = Journal::open(directory).value();
  add(journal, 2);
  return journal;
}

void expect_is_state(const std::shared_ptr<Directory>& copy, std::uint64_t count) {
  const auto report = verify_backup(copy);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->damage, IsEmpty()) << to_string(*report);
  auto journal = Journal::open(copy).value();
  const Sum sum = journal.read([](const Sum& s) { return s; });
  EXPECT_EQ(sum.count, count);
  EXPECT_EQ(sum.total, count * (count + 1) / 2);
  add(journal, 1);
  EXPECT_EQ(journal.applied_entry_id(), EntryId{count + 1});
  EXPECT_THAT(journal.checkpoint(), IsOk());
  EXPECT_THAT(journal.close(), IsOk());
}

TEST(StateBackup, IsTheStateAtThatTime) {
  const auto directory = CrashDirectory::create();
  auto journal = make_journal(directory);
  const auto copy = place_beside(directory);
  const auto report = journal.backup(copy);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->checkpoints, SizeIs(2));
  EXPECT_EQ(report->wal.entries.last, EntryId{12});
  add(journal, 3);
  expect_is_state(copy, 12);
  EXPECT_EQ(journal.read([](const Sum& s) { return s.count; }), 15u);
  EXPECT_THAT(journal.checkpoint(), IsOk());
  EXPECT_THAT(journal.close(), IsOk());
}

TEST(StateBackup, WithoutCheckpointsIsTheLog) {
  const auto directory = MemoryDirectory::create();
  auto journal = Journal::open(directory).value();
  add(journal, 3);
  const auto copy = MemoryDirectory::create();
  EXPECT_THAT(journal.backup(copy)->checkpoints, IsEmpty());
  EXPECT_THAT(copy->list().value(), SizeIs(1)) << "no folder for what there is not";
  expect_is_state(copy, 3);
}

TEST(StateBackup, OfALogAndAStoreOfOnesOwn) {
  const auto directory = CrashDirectory::create();
  EXPECT_THAT(make_journal(directory).close(), IsOk());
  const auto care = WalMaintenance::open(directory).value();
  const auto store = CheckpointStore<Sum>::open(directory).value();
  const auto copy = MemoryDirectory::create();
  EXPECT_THAT(back_up(care, store.files(), copy), IsOk());
  expect_is_state(copy, 12);
}

TEST(StateBackup, OfAnEmptyLogBehindACheckpoint) {
  const auto directory = CrashDirectory::create();
  auto store = CheckpointStore<Sum>::open(directory).value();
  ASSERT_THAT(store.save(EntryId{10}, Sum{10, 55}, EntryId{10}), IsOk());
  ASSERT_THAT(WalMaintenance::continue_after(directory, EntryId{10}), IsOk());
  const auto copy = place_beside(directory);
  const auto care = WalMaintenance::open(directory).value();
  ASSERT_THAT(back_up(care, store.files(), copy), IsOk());
  expect_is_state(copy, 10);
}

TEST(StateBackup, NeedsAnEmptyPlace) {
  const auto directory = CrashDirectory::create();
  auto journal = make_journal(directory);
  const auto copy = place_beside(directory);
  ASSERT_THAT(journal.backup(copy), IsOk());
  EXPECT_THAT(journal.backup(copy), HasErrc(Errc::already_exists));
  EXPECT_THAT(journal.backup(directory), HasErrc(Errc::already_exists));
  EXPECT_THAT(journal.backup(nullptr), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(verify_backup(nullptr), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(verify_backup(directory), HasErrc(Errc::not_found)) << "is no backup";
}

// Each link finds that a checkpoint was published, and the log trimmed as far as a pin lets it.
TEST(StateBackup, OfAJournalThatTakesCheckpointsMeanwhile) {
  const auto below = CrashDirectory::create();
  std::optional<Journal> journal;
  int times = 0;
  const auto directory = std::make_shared<BusyDirectory>(below, Call::link, [&](auto) {
    if (++times > 5) return;
    add(*journal, 1);
    ASSERT_THAT(journal->checkpoint(), IsOk());
  });
  journal = make_journal(directory);
  const auto copy = place_beside(below);
  const auto report = journal->backup(copy);
  ASSERT_THAT(report, IsOk());
  EXPECT_GE(times, 5);
  EXPECT_EQ(report->wal.entries.first, EntryId{6}) << "as it was, since a pin held it";
  expect_is_state(copy, 17);
}

// By another process, which sees no pin of this one.
TEST(StateBackup, OfALogThatOthersTrimIsAGapOrWhole) {
  const auto below = CrashDirectory::create();
  EXPECT_THAT(make_journal(below).close(), IsOk());
  const auto trim = [&](std::string_view name) {
    if (name.ends_with(".ckpt")) return;
    WalMaintenance::open(below)->trim_before(EntryId{11}).value();
  };
  const auto directory = std::make_shared<BusyDirectory>(below, Call::link, trim);
  const auto copy = place_beside(below);
  const auto store = CheckpointStore<Sum>::open(directory).value();
  ASSERT_THAT(back_up(WalMaintenance::open(directory).value(), store.files(), copy), IsOk());
  expect_is_state(copy, 12);

  const auto other = CrashDirectory::create();
  EXPECT_THAT(make_journal(other).close(), IsOk());
  EXPECT_THAT(other->remove_file("checkpoints/00000000000000000010.ckpt"), IsOk());
  const auto trim_more = [&](std::string_view name) {
    if (name.ends_with(".ckpt")) return;
    WalMaintenance::open(other)->trim_before(EntryId{11}).value();
  };
  const auto busy = std::make_shared<BusyDirectory>(other, Call::link, trim_more);
  const auto poor = CheckpointStore<Sum>::open(busy).value();
  const auto half = place_beside(other);
  EXPECT_THAT(back_up(WalMaintenance::open(busy).value(), poor.files(), half), HasErrc(Errc::gap));
  const auto verified = verify_backup(half).value();
  ASSERT_THAT(verified.damage, SizeIs(1));
  EXPECT_EQ(verified.damage.front().code, Errc::gap);
  EXPECT_EQ(verified.damage.front().lost, (EntryIdRange{EntryId{6}, EntryId{10}}));
}

TEST(StateBackup, VerifyTellsOfEachCheckpointThatDoesNotRead) {
  const auto directory = CrashDirectory::create();
  auto journal = make_journal(directory);
  const auto copy = CrashDirectory::create();
  ASSERT_THAT(journal.backup(copy), IsOk());
  EXPECT_THAT(copy->flip_bit("checkpoints/00000000000000000010.ckpt", 4600), IsOk());
  const auto report = verify_backup(copy).value();
  ASSERT_THAT(report.damage, SizeIs(1)) << "the log reaches back to the older one";
  EXPECT_EQ(report.damage.front().file, "00000000000000000010.ckpt");
  EXPECT_THAT(copy->remove_file("checkpoints/00000000000000000010.ckpt"), IsOk());
  EXPECT_THAT(verify_backup(copy)->damage, SizeIs(1)) << "it is missing";
  EXPECT_THAT(copy->remove_file("checkpoints/00000000000000000005.ckpt"), IsOk());
  EXPECT_THAT(verify_backup(copy)->damage, SizeIs(2));
}

// Copied byte for byte, so that its checksum in the list fits.
TEST(StateBackup, VerifyTellsOfACheckpointThatWasDamagedBefore) {
  const auto directory = CrashDirectory::create();
  auto journal = make_journal(directory);
  EXPECT_THAT(directory->flip_bit("checkpoints/00000000000000000010.ckpt", 4600), IsOk());
  const auto copy = MemoryDirectory::create();
  ASSERT_THAT(journal.backup(copy), IsOk());
  const auto report = verify_backup(copy).value();
  ASSERT_THAT(report.damage, SizeIs(1));
  EXPECT_EQ(report.damage.front().file, "00000000000000000010.ckpt");
}

TEST(StateBackup, VerifyTellsOfACheckpointThatTheLogDoesNotReach) {
  const auto directory = CrashDirectory::create();
  auto journal = make_journal(directory);
  const auto copy = CrashDirectory::create();
  ASSERT_THAT(journal.backup(copy), IsOk());
  const auto later = CrashDirectory::create();
  add(journal, 8);
  ASSERT_THAT(journal.checkpoint(), IsOk());
  const std::string file = "checkpoints/00000000000000000020.ckpt";
  EXPECT_THAT(copy->add_file(file, directory->read_file(file).value()), IsOk());
  const auto report = verify_backup(copy).value();
  ASSERT_THAT(report.damage, SizeIs(1));
  EXPECT_EQ(report.damage.front().lost, (EntryIdRange{EntryId{13}, EntryId{20}}));
}

TEST(StateBackup, EachOperationThatFailsIsToldAndTheRestIsAsItWas) {
  for (std::uint64_t at = 1;; ++at) {
    const auto directory = CrashDirectory::create();
    EXPECT_THAT(make_journal(directory).close(), IsOk());
    const auto faults = testing::FaultDirectory::create(directory);
    const auto checked = testing::CheckedDirectory::create(faults);
    const auto copy = place_beside(checked);
    const auto store = CheckpointStore<Sum>::open(checked).value();
    const std::uint64_t begin = faults->operation_count();
    faults->fail_at(begin + at, testing::Fault::io);
    const auto report = back_up(WalMaintenance::open(checked).value(), store.files(), copy);
    const bool failed = faults->operation_count() >= begin + at;
    EXPECT_EQ(report.has_value(), !failed) << at;
    EXPECT_THAT(checked->violations(), IsEmpty()) << at;
    const auto left = directory->subdirectory("copy", OpenMode::read).value();
    const auto verified = verify_backup(left);
    EXPECT_TRUE(!verified || verified->damage.empty()) << at;
    auto journal = Journal::open(directory).value();
    EXPECT_EQ(journal.applied_entry_id(), EntryId{12}) << at;
    if (!failed) {
      expect_is_state(left, 12);
      break;
    }
  }
}

TEST(StateBackup, OfAJournalThatManyWrite) {
  const TempDirectory folder;
  const auto directory = FsDirectory::open(folder.path() / "log").value();
  auto journal =
      Journal::open(directory, {.wal = {.segment_bytes = 8192}, .checkpoint_every_entries = 50})
          .value();
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!stop) journal.apply(1).value();
    });
  }
  for (int n = 0; n < 5; ++n) {
    const auto copy = FsDirectory::open(folder.path() / ("copy" + std::to_string(n))).value();
    const auto report = journal.backup(copy);
    ASSERT_THAT(report, IsOk());
    const auto verified = verify_backup(copy);
    ASSERT_THAT(verified, IsOk());
    EXPECT_THAT(verified->damage, IsEmpty());
    const auto restored = Journal::open(copy);
    ASSERT_THAT(restored, IsOk());
    EXPECT_EQ(restored->applied_entry_id(), report->wal.entries.last);
    EXPECT_EQ(restored->read([](const Sum& s) { return s.count; }), report->wal.entries.last.value);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace walkit
