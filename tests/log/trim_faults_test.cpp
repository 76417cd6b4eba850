// A trim that was stopped, failed, or found what others left.

#include "log/five_segments.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/checked_directory.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace walkit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Trimmed to segment 4, and the files that went are back, as if the process had been killed.
LogBox stopped_trim() {
  LogBox box = five_segments();
  const Image before = box.image();
  care_for(box).trim_before(EntryId{11}).value();
  for (const auto& [path, bytes] : before) {
    if (path.ends_with(".wal")) box.put(path, bytes);
  }
  return box;
}

void expect_holds(const LogBox& box, std::uint64_t first, std::uint64_t last) {
  const auto reader = Reader::open(box.directory, {.recorded_loss = RecordedLoss::accept}).value();
  const auto records = reader.replay();
  ASSERT_THAT(records, IsOk());
  ASSERT_THAT(*records, SizeIs(last + 1 - first));
  EXPECT_EQ(records->front().entry_id, EntryId{first});
}

TEST(StoppedTrim, FilesLeftAreNoPartOfTheLog) {
  LogBox box = stopped_trim();
  expect_holds(box, 10, 15);
  const auto reader = Reader::open(box.directory).value();
  EXPECT_THAT(reader.read(EntryId{9}), HasErrc(Errc::gap));
  EXPECT_THAT(care_for(box).segment_ranges().value(), SizeIs(2));
  EXPECT_THAT(care_for(box).verify()->damage, IsEmpty());
  EXPECT_THAT(care_for(box).plan_repair()->steps, IsEmpty());
}

TEST(StoppedTrim, NextOpenSweepsTheFilesAndSaysSo) {
  LogBox box = stopped_trim();
  const auto files = segment_files(box.directory);
  ASSERT_THAT(files, SizeIs(5));
  EXPECT_THAT(box.open().report().swept_files, ElementsAre(files[0], files[1], files[2]));
  EXPECT_THAT(segment_files(box.directory), ElementsAre(files[3], files[4]));
  EXPECT_EQ(box.report().origin, RecoveryReport::Origin::clean_close);
  box.append(1).close();
  expect_holds(box, 10, 16);
}

TEST(StoppedTrim, NextTrimSweepsTheFilesToo) {
  for (const std::uint64_t keep : {1u, 14u}) {
    LogBox box = stopped_trim();
    const EntryId oldest{keep == 1 ? 10u : 13u};
    EXPECT_THAT(care_for(box).trim_before(EntryId{keep}), IsOkAndHolds(oldest));
    EXPECT_EQ(segment_files(box.directory).size(), keep == 1 ? 2u : 1u);
    expect_holds(box, oldest.value, 15);
  }
}

// The second write of MANIFEST did not come: a torn slot must not name what is gone.
TEST(StoppedTrim, SweepMakesBothSlotsSaySoFirst) {
  LogBox box = five_segments();
  const Bytes before = box.directory->read_file("wal/MANIFEST").value();
  const Image files = box.image();
  care_for(box).trim_before(EntryId{11}).value();
  const log::ManifestSlot newest = *log::read_manifest(*box.home())->newest();
  box.change("wal/MANIFEST", [&](Bytes& bytes) {
    const auto other = (newest.generation + 1) % 2 * log::kManifestSlotBytes;
    std::copy_n(before.begin() + static_cast<std::ptrdiff_t>(other), log::kManifestSlotBytes,
                bytes.begin() + static_cast<std::ptrdiff_t>(other));
  });
  for (const auto& [path, bytes] : files) {
    if (path.ends_with(".wal")) box.put(path, bytes);
  }
  box.open().kill();
  for (const std::uint64_t slot : {0u, 1u}) {
    LogBox torn;
    torn.kill().directory = box.directory->clone();
    torn.flip("wal/MANIFEST", slot * log::kManifestSlotBytes + 100);
    expect_holds(torn, 10, 15);
  }
}

TEST(StoppedTrim, FilesOfAnotherLogAndUnreadableOnesAreLeftAlone) {
  LogBox box = stopped_trim();
  LogBox other({}, {.seed = 99});
  other.append(3).close();
  const std::string foreign = box.segment(0), damaged = box.segment(1);
  box.put(foreign, other.directory->read_file(other.newest()).value());
  box.flip(damaged, 100);
  EXPECT_THAT(box.open().report().swept_files, SizeIs(1));
  EXPECT_THAT(box.report().foreign_files, ElementsAre(foreign.substr(4), damaged.substr(4)));
  EXPECT_THAT(segment_files(box.directory), SizeIs(4));
}

/// A repair that was stopped before it set the old segments aside.
LogBox stopped_repair() {
  LogBox box = five_segments();
  const Image before = box.image();
  box.flip(box.segment(1), 600);
  const auto care = care_for(box);
  const auto plan = care.plan_repair().value();
  care.apply(plan, plan.lost).value();
  for (const auto& [path, bytes] : before) {
    if (path.ends_with(".wal")) box.put(path, bytes);
  }
  return box;
}

TEST(StoppedRepair, FilesLeftAreKeptAndNamed) {
  LogBox box = stopped_repair();
  ASSERT_THAT(segment_files(box.directory), SizeIs(10));
  box.open();
  EXPECT_THAT(box.report().swept_files, IsEmpty());
  EXPECT_THAT(box.report().foreign_files, SizeIs(5));
  EXPECT_THAT(segment_files(box.directory), SizeIs(10));
}

// A trim makes the log begin with a segment that has a predecessor, and its leftovers are swept.
TEST(StoppedRepair, TrimSetsTheFilesAsideBefore) {
  LogBox box = stopped_repair();
  const auto old = segment_files(box.directory);
  EXPECT_THAT(care_for(box).trim_before(EntryId{8}), IsOkAndHolds(EntryId{7}));
  EXPECT_THAT(segment_files(box.directory), SizeIs(3));
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_THAT(box.directory->read_file("wal/quarantine/" + old[i]), IsOk());
  }
  expect_holds(box, 7, 15);
  box.open().append(1).close();
  expect_holds(box, 7, 16);
}

/// What a trim may leave: the log as before, or as after, readable and writable.
void expect_sound(const LogBox& box, std::uint64_t trimmed_to, std::uint64_t last) {
  const auto reader = Reader::open(box.directory).value();
  const auto records = reader.replay();
  ASSERT_THAT(records, IsOk());
  const std::uint64_t first = records->front().entry_id.value;
  EXPECT_TRUE(first == 1 || first == trimmed_to) << first;
  EXPECT_EQ(records->back().entry_id, EntryId{last});
  EXPECT_THAT(care_for(box).verify()->damage, IsEmpty());
}

TEST(TrimFaults, EachOperationThatFailsOfflineIsToldAndASecondTrimFinishes) {
  for (std::uint64_t at = 1;; ++at) {
    LogBox box = five_segments();
    box.directory = box.directory->crash(Crash::process_kill);
    const auto faults = testing::FaultDirectory::create(box.directory);
    const auto checked = testing::CheckedDirectory::create(faults);
    const auto care = WalMaintenance::open(checked).value();
    const std::uint64_t before = faults->operation_count();
    faults->fail_at(before + at, testing::Fault::io);
    const auto trimmed = care.trim_before(EntryId{11});
    const bool failed = faults->operation_count() >= before + at;
    EXPECT_EQ(trimmed.has_value(), !failed) << at;
    EXPECT_THAT(checked->violations(), IsEmpty()) << at;
    expect_sound(box, 10, 15);
    EXPECT_THAT(care_for(box).trim_before(EntryId{11}), IsOkAndHolds(EntryId{10}));
    EXPECT_THAT(segment_files(box.directory), SizeIs(2));
    if (!failed) break;
  }
}

TEST(TrimFaults, OnlyAFailedWriteOfManifestEndsTheWriter) {
  std::size_t poisoned = 0, harmless = 0;
  for (std::uint64_t at = 1;; ++at) {
    LogBox box = five_segments();
    const auto checked = testing::CheckedDirectory::create(box.directory);
    auto wal = Wal::open(checked, box.options).value();
    const auto append = [&] {
      wal.append(text_of(wal.next_entry_id().value)).value();
      wal.sync().value();
    };
    append();
    const std::uint64_t before = box.directory->operation_count();
    box.directory->fail_at(before + at, Errc::io);
    const auto trimmed = wal.maintenance().trim_before(EntryId{11});
    const auto operations = box.directory->operations(before);
    if (operations.size() < at) break;
    ASSERT_FALSE(trimmed.has_value()) << at;
    const bool manifest = operations[at - 1].name == "wal/MANIFEST";
    EXPECT_EQ(wal.verdict().failure.has_value(), manifest) << at;
    EXPECT_EQ(trimmed.error().code, manifest ? Errc::poisoned : Errc::io);
    (manifest ? poisoned : harmless) += 1;
    if (!manifest) {
      append();
      EXPECT_THAT(wal.maintenance().trim_before(EntryId{11}), IsOkAndHolds(EntryId{10}));
    }
    EXPECT_THAT(checked->violations(), IsEmpty()) << at;
    const std::uint64_t last = (wal.next_entry_id() - 1).value;
    box.kill();
    expect_sound(box, 10, last);
    EXPECT_EQ(box.open().last(), last);
    EXPECT_THAT(box.wal->maintenance().trim_before(EntryId{11}), IsOkAndHolds(EntryId{10}));
    EXPECT_THAT(segment_files(box.directory), SizeIs(3));
  }
  EXPECT_EQ(poisoned, 4u) << "two writes, two syncs";
  EXPECT_EQ(harmless, 7u) << "three files, the folder, and that of pins, which is new";
}

// A full disk is when a trim is wanted most; all it writes stands there already.
TEST(TrimFaults, TakesNoSpace) {
  for (std::uint64_t at = 1; at <= 3; ++at) {
    LogBox box = five_segments();
    box.directory->set_free_bytes(0);
    box.directory->fail_at(box.directory->operation_count() + at, Errc::no_space);
    EXPECT_THAT(care_for(box).trim_before(EntryId{11}), IsOkAndHolds(EntryId{10})) << at;
    EXPECT_THAT(segment_files(box.directory), SizeIs(2));
  }
}

TEST(TrimFaults, DoneForWriterTrimsNothing) {
  LogBox box = five_segments();
  box.open().flush(1);
  box.directory->fail_at(box.directory->operation_count() + 1, Errc::io);
  EXPECT_THAT(box.wal->sync(), HasErrc(Errc::poisoned));
  EXPECT_THAT(box.wal->maintenance().trim_before(EntryId{11}), HasErrc(Errc::poisoned));
  EXPECT_THAT(segment_files(box.directory), SizeIs(6));
}

TEST(TrimFaults, LostLockIsFinal) {
  LogBox box = five_segments();
  box.open().append(1);
  box.remove("wal/LOCK");
  EXPECT_THAT(box.wal->maintenance().trim_before(EntryId{11}), HasErrc(Errc::poisoned));
  EXPECT_THAT(segment_files(box.directory), SizeIs(6));
}

}  // namespace
}  // namespace walkit
