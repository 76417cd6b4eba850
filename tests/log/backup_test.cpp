// Backups: of logs in every state, of live ones, by links and by copies; and what a copy is.

#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "io/temp_directory.hpp"
#include "log/busy_directory.hpp"
#include "log/log_box.hpp"
#include "walkit/io/fs_directory.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/checked_directory.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace walkit {
namespace {

using Call = BusyDirectory::Call;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A place for a copy on the same device as the log.
std::shared_ptr<Directory> place_beside(const LogBox& box) {
  return box.directory->subdirectory("copy", OpenMode::create).value();
}

/// Three segments of three entries, closed.
LogBox three_segments() {
  LogBox box;
  box.append(3).close().open().append(3).close().open().append(3).close();
  return box;
}

/// Entries first to last, byte for byte; a whole backup; and a log that goes on.
void expect_is_copy(const std::shared_ptr<Directory>& copy, std::uint64_t first,
                    std::uint64_t last) {
  const auto report = WalMaintenance::verify_backup(copy);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->damage, IsEmpty()) << to_string(*report);
  const auto records = Reader::open(copy)->replay();
  ASSERT_THAT(records, IsOk());
  ASSERT_THAT(*records, SizeIs(last + 1 - first));
  for (std::uint64_t id = first; id <= last; ++id) {
    EXPECT_EQ(records->at(id - first).entry_id, EntryId{id});
    EXPECT_EQ(records->at(id - first).payload, text_of(id));
  }
  auto wal = Wal::open(copy).value();
  EXPECT_THAT(wal.append(text_of(last + 1)), IsOkAndHolds(EntryId{last + 1}));
  EXPECT_THAT(wal.close(), IsOk());
  EXPECT_THAT(Reader::open(copy)->entry_count(), IsOkAndHolds(last + 2 - first));
}

TEST(Backup, OfAClosedLogIsTheSameLog) {
  LogBox box = three_segments();
  const auto copy = place_beside(box);
  const auto report = WalMaintenance::open(box.directory)->backup(copy).value();
  EXPECT_EQ(report.entries, (EntryIdRange{EntryId{1}, EntryId{9}}));
  EXPECT_EQ(report.linked_files, 3u);
  EXPECT_EQ(report.copied_files, 0u);
  const auto identity_of = [](const std::shared_ptr<Directory>& directory) {
    return Reader::open(directory)
        ->replay_each(ReplayMode::strict, [](const auto&) {})
        ->log_identity;
  };
  EXPECT_EQ(identity_of(copy), identity_of(box.directory));
  expect_is_copy(copy, 1, 9);
  const auto again = box.directory->subdirectory("again", OpenMode::create).value();
  WalMaintenance::open(box.directory)->backup(again).value();
  EXPECT_EQ(Wal::open(again)->recovery().origin, RecoveryReport::Origin::clean_close);
  EXPECT_THAT(Wal::open(again)->recovery().foreign_files, IsEmpty());
}

TEST(Backup, OfALiveLogHoldsWhatIsDurable) {
  LogBox box = three_segments();
  box.open().append(2).flush(2);
  const auto copy = place_beside(box);
  const auto report = box.wal->maintenance().backup(copy).value();
  EXPECT_EQ(report.entries, (EntryIdRange{EntryId{1}, EntryId{11}}));
  EXPECT_EQ(report.linked_files, 3u);
  EXPECT_EQ(report.copied_files, 1u) << "what the writer goes on writing";
  box.append(3).close();
  expect_is_copy(copy, 1, 11);
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(texts_through(16)));
}

TEST(Backup, OfALogOfAnyState) {
  const std::vector<std::tuple<const char*, void (*)(LogBox&), std::uint64_t, std::uint64_t>>
      states = {
          {"empty", [](LogBox& b) { b.directory = std::move(LogBox().close().directory); }, 1, 0},
          {"killed", [](LogBox& b) { b.open().append(2).kill(); }, 1, 11},
          {"unproven entries", [](LogBox& b) { b.open().append(1).flush(2).kill(); }, 1, 12},
          {"nothing in its newest segment",
           [](LogBox& b) { b.open().append(1).flush(1).kill().open().kill(); }, 1, 11},
          {"trimmed",
           [](LogBox& b) { WalMaintenance::open(b.directory)->trim_before(EntryId{5}).value(); }, 4,
           9},
          {"behind a checkpoint",
           [](LogBox& b) { WalMaintenance::continue_after(b.directory, EntryId{40}).value(); }, 41,
           40}};
  for (const auto& [what, change, first, last] : states) {
    SCOPED_TRACE(what);
    LogBox box = three_segments();
    change(box);
    const std::uint64_t before = box.directory->image_hash();
    const auto copy = MemoryDirectory::create();
    const auto report = WalMaintenance::open(box.directory)->backup(copy).value();
    EXPECT_EQ(report.entries, (EntryIdRange{EntryId{first}, EntryId{last}}));
    EXPECT_EQ(report.linked_files, 0u) << "another device";
    EXPECT_EQ(box.directory->image_hash(), before);
    expect_is_copy(copy, first, last);
  }
}

TEST(Backup, OfADamagedEndIsRefused) {
  LogBox box = three_segments();
  box.open().append(2).kill();  // LOCK is the witness
  box.flip(box.newest(), 600);
  EXPECT_THAT(WalMaintenance::open(box.directory)->backup(place_beside(box)),
              HasErrc(Errc::corrupt));
  LogBox other = three_segments();
  other.remove("wal/MANIFEST");
  EXPECT_THAT(WalMaintenance::open(other.directory)->backup(place_beside(other)),
              HasErrc(Errc::corrupt));
}

TEST(Backup, NeedsAnEmptyPlace) {
  LogBox box = three_segments();
  const auto care = WalMaintenance::open(box.directory).value();
  const auto copy = place_beside(box);
  ASSERT_THAT(care.backup(copy), IsOk());
  EXPECT_THAT(care.backup(copy), HasErrc(Errc::already_exists));
  EXPECT_THAT(care.backup(box.directory), HasErrc(Errc::already_exists)) << "the log itself";
  EXPECT_THAT(care.backup(nullptr), HasErrc(Errc::invalid_argument));
}

// What the two share is never written by either.
TEST(Backup, CopyThatIsWrittenChangesNothingOfTheLog) {
  LogBox box = three_segments();
  box.open().append(2);
  const auto copy = place_beside(box);
  ASSERT_THAT(box.wal->maintenance().backup(copy), IsOk());
  box.kill();
  const Image before = box.image();
  {
    LogBox other;
    other.kill().directory = std::dynamic_pointer_cast<CrashDirectory>(
        box.directory->subdirectory("copy", OpenMode::write).value());
    other.open().append(5).kill().open().flush(2).kill().open().append(1).close();
    const auto care = WalMaintenance::open(other.directory).value();
    EXPECT_THAT(care.trim_before(EntryId{12}), IsOk());
    other.flip(other.newest(), 600);
    const auto plan = care.plan_repair().value();
    EXPECT_THAT(care.apply(plan, plan.lost), IsOk());
  }
  for (const auto& [path, bytes] : before) {
    if (path.starts_with("wal/")) {
      EXPECT_EQ(box.directory->read_file(path).value(), bytes) << path;
    }
  }
}

TEST(Backup, LinksOnAFileSystemAndCopiesTheRest) {
  const TempDirectory folder;
  const auto directory = FsDirectory::open(folder.path() / "log").value();
  {
    auto wal = Wal::open(directory).value();
    for (int n = 1; n <= 3; ++n) wal.append(text_of(n)).value();
    wal.close().value();
  }
  auto wal = Wal::open(directory).value();
  wal.append(text_of(4)).value();
  const auto copy = FsDirectory::open(folder.path() / "copy").value();
  ASSERT_THAT(wal.maintenance().backup(copy), IsOk());
  std::size_t shared = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder.path() / "copy/wal")) {
    struct stat found {};
    ASSERT_EQ(::stat(file.path().c_str(), &found), 0);
    shared += found.st_nlink > 1;
  }
  EXPECT_EQ(shared, 1u);
  wal.append(text_of(5)).value();
  ASSERT_THAT(wal.maintenance().trim_before(EntryId{4}), IsOk());
  wal.close().value();
  expect_is_copy(copy, 1, 4);
}

TEST(VerifyBackup, TellsEachFileThatIsNotWhatWasCopied) {
  const auto backed_up = [] {
    LogBox box = three_segments();
    const auto copy = CrashDirectory::create();
    WalMaintenance::open(box.directory)->backup(copy).value();
    return copy;
  };
  const auto damage_of = [](const std::shared_ptr<CrashDirectory>& copy) {
    return WalMaintenance::verify_backup(copy)->damage;
  };
  const auto files = backed_up()->list_files();
  for (const std::string& file : files) {
    if (file == "wal/BACKUP" || file == "wal/LOCK") continue;
    const auto flipped = backed_up();
    flipped->flip_bit(file, 300 * 8).value();
    ASSERT_FALSE(damage_of(flipped).empty()) << file;
    EXPECT_EQ(damage_of(flipped).front().file, file.substr(4));
    const auto removed = backed_up();
    removed->remove_file(file).value();
    ASSERT_FALSE(damage_of(removed).empty()) << file;
    EXPECT_EQ(damage_of(removed).front().file, file.substr(4));
  }
  const auto more = backed_up();
  more->add_file("wal/" + log::to_string(log::SegmentName{4, EntryId{10}}), {}).value();
  EXPECT_THAT(damage_of(more), ::testing::Not(IsEmpty()));
  const auto written = backed_up();
  Wal::open(written)->append("more").value();
  EXPECT_THAT(damage_of(written), ::testing::Not(IsEmpty()));
}

TEST(VerifyBackup, WithoutItsListItIsNone) {
  LogBox box = three_segments();
  EXPECT_THAT(WalMaintenance::verify_backup(box.directory), HasErrc(Errc::not_found));
  const auto copy = CrashDirectory::create();
  WalMaintenance::open(box.directory)->backup(copy).value();
  copy->flip_bit("wal/BACKUP", 100).value();
  EXPECT_THAT(WalMaintenance::verify_backup(copy), HasErrc(Errc::corrupt));
  copy->remove_file("wal/BACKUP").value();
  EXPECT_THAT(WalMaintenance::verify_backup(copy), HasErrc(Errc::not_found));
  EXPECT_THAT(WalMaintenance::verify_backup(nullptr), HasErrc(Errc::invalid_argument));
}

TEST(Backup, ThatIsTrimmedMeanwhileBeginsAgain) {
  LogBox box = three_segments();
  box.open().append(3).close();
  std::uint64_t keep = 1;
  const auto trimmed = std::make_shared<BusyDirectory>(box.directory, Call::link, [&](auto) {
    WalMaintenance::open(box.directory)->trim_before(EntryId{keep}).value();
    keep += 6;
  });
  const auto copy = place_beside(box);
  const auto report = WalMaintenance::open(trimmed)->backup(copy).value();
  EXPECT_GT(report.entries.first, EntryId{1});
  expect_is_copy(copy, report.entries.first.value, 12);
}

TEST(Backup, BesideItsWriterIsNotTrimmed) {
  LogBox box = three_segments();
  std::optional<WalMaintenance> care;
  const auto trimmed = std::make_shared<BusyDirectory>(box.directory, Call::link, [&](auto) {
    EXPECT_THAT(care->trim_before(EntryId{9}), IsOkAndHolds(EntryId{1}));
  });
  auto wal = Wal::open(trimmed, box.options).value();
  care = wal.maintenance();
  const auto copy = place_beside(box);
  EXPECT_EQ(care->backup(copy)->entries.last, EntryId{9});
  EXPECT_THAT(care->trim_before(EntryId{9}), IsOkAndHolds(EntryId{7}));
  EXPECT_THAT(wal.close(), IsOk());
  expect_is_copy(copy, 1, 9);
}

// At one of them LOCK was read before the writer went on to another segment.
TEST(Backup, BesideAWriterThatRotatesMeanwhile) {
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    LogBox box;
    box.kill().options.segment_bytes = 4096;
    box.open().append(2);
    int lists = 0;
    const auto busy = std::make_shared<BusyDirectory>(box.directory, Call::list, [&](auto) {
      if (++lists != nth) return;
      const auto rotations = box.wal->stats().rotations;
      while (box.wal->stats().rotations == rotations) box.append(1);
    });
    const auto copy = MemoryDirectory::create();
    const auto report = WalMaintenance::open(busy)->backup(copy);
    ASSERT_THAT(report, IsOk());
    EXPECT_GE(report->entries.last, EntryId{2});
    expect_is_copy(copy, 1, report->entries.last.value);
    if (lists < nth) return;
  }
}

// A power cut took LOCK, which is never synced, and nothing else vouches for the last entry.
TEST(Backup, HoldsWhatWasAcknowledgedThoughOnlyItselfSaysSo) {
  LogBox box = three_segments();
  box.open().append(2).kill();
  box.remove("wal/LOCK");
  const auto copy = MemoryDirectory::create();
  ASSERT_THAT(WalMaintenance::open(box.directory)->backup(copy), IsOk());
  expect_is_copy(copy, 1, 11);
}

TEST(Backup, EachOperationThatFailsIsToldAndTheLogIsAsItWas) {
  for (std::uint64_t at = 1;; ++at) {
    LogBox box = three_segments();
    box.open().append(2).kill();
    const Image before = box.image();
    const auto faults = testing::FaultDirectory::create(box.directory);
    const auto checked = testing::CheckedDirectory::create(faults);
    const auto copy = checked->subdirectory("copy", OpenMode::create).value();
    const std::uint64_t begin = faults->operation_count();
    faults->fail_at(begin + at, testing::Fault::io);
    const auto report = WalMaintenance::open(checked)->backup(copy);
    const bool failed = faults->operation_count() >= begin + at;
    EXPECT_EQ(report.has_value(), !failed) << at;
    EXPECT_THAT(checked->violations(), IsEmpty()) << at;
    for (const auto& [path, bytes] : before) {
      EXPECT_EQ(box.directory->read_file(path).value(), bytes) << path;
    }
    const auto left = box.directory->subdirectory("copy", OpenMode::read).value();
    if (failed) {
      const auto verified = WalMaintenance::verify_backup(left);
      EXPECT_TRUE(!verified || verified->damage.empty()) << at;
    } else {
      expect_is_copy(left, 1, 11);
      break;
    }
  }
}

TEST(Backup, OfALogThatIsWrittenMeanwhile) {
  const TempDirectory folder;
  const auto directory = FsDirectory::open(folder.path() / "log").value();
  auto wal = Wal::open(directory, {.segment_bytes = 8192}).value();
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (std::uint64_t n = 1; !stop; ++n) wal.append(text_of(n)).value();
  });
  for (int n = 0; n < 5; ++n) {
    const auto copy = FsDirectory::open(folder.path() / ("copy" + std::to_string(n))).value();
    const auto care = n % 2 == 0 ? wal.maintenance() : WalMaintenance::open(directory).value();
    const auto report = care.backup(copy);
    ASSERT_THAT(report, IsOk());
    expect_is_copy(copy, 1, report->entries.last.value);
  }
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace walkit
