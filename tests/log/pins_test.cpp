// Pins: what holds entries against trims, in one process and across them.

#include <algorithm>
#include <atomic>
#include <thread>

#include "io/temp_directory.hpp"
#include "log/five_segments.hpp"
#include "log/pins.hpp"
#include "walkit/io/fs_directory.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/checked_directory.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace walkit {
namespace {

using By = TrimHold::By;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

TEST(RetentionPin, HoldsWhileItLives) {
  LogBox box = five_segments();
  const auto care = care_for(box);
  {
    auto pin = care.pin(EntryId{8}).value();
    EXPECT_EQ(pin.from(), EntryId{8});
    EXPECT_THAT(care.trim_before(EntryId{15}), IsOkAndHolds(EntryId{7}));
    const auto plan = care.plan_trim(EntryId{15}).value();
    EXPECT_THAT(plan.held_by, ElementsAre(TrimHold{By::pin, ""}));
    EXPECT_THAT(to_string(plan), HasSubstr("pinned by this process"));
    const RetentionPin moved = std::move(pin);
    EXPECT_THAT(care.trim_before(EntryId{15}), IsOkAndHolds(EntryId{7}));
  }
  EXPECT_THAT(care.trim_before(EntryId{15}), IsOkAndHolds(EntryId{13}));
}

TEST(RetentionPin, TheLowestCounts) {
  LogBox box = five_segments();
  const auto care = care_for(box);
  auto high = care.pin(EntryId{11}).value();
  auto low = std::optional(care.pin(EntryId{5}).value());
  const auto same = care.pin(EntryId{11}).value();
  EXPECT_THAT(care.trim_before(EntryId{15}), IsOkAndHolds(EntryId{4}));
  low.reset();
  EXPECT_THAT(care.trim_before(EntryId{15}), IsOkAndHolds(EntryId{10}));
  high = care.pin(EntryId{13}).value();
  EXPECT_THAT(care.trim_before(EntryId{15}), IsOkAndHolds(EntryId{10})) << "the same id, twice";
}

TEST(RetentionPin, IsSeenByAllOfOneWriterAndByNobodyElse) {
  LogBox box = five_segments();
  box.open();
  const auto care = box.wal->maintenance();
  const auto pin = care.pin(EntryId{}).value();
  EXPECT_EQ(pin.from(), EntryId{1});
  EXPECT_THAT(box.wal->maintenance().trim_before(EntryId{15}), IsOkAndHolds(EntryId{1}));
  box.close();
  EXPECT_THAT(care_for(box).trim_before(EntryId{15}), IsOkAndHolds(EntryId{13}));
  EXPECT_THAT(care.pin(EntryId{}), HasErrc(Errc::closed));
}

TEST(RetentionPin, OfWhatIsGoneIsAGap) {
  LogBox box = five_segments();
  const auto care = care_for(box);
  care.trim_before(EntryId{8}).value();
  const auto gone = care.pin(EntryId{6});
  ASSERT_THAT(gone, HasErrc(Errc::gap));
  EXPECT_EQ(gone.error().lost, (EntryIdRange{EntryId{6}, EntryId{6}}));
  EXPECT_THAT(care.pin(EntryId{7}), IsOk());
  EXPECT_THAT(care.pin(EntryId{100}), IsOk()) << "what is not there yet";
}

TEST(NamedPin, HoldsAcrossProcessesUntilItIsReleased) {
  LogBox box = five_segments();
  EXPECT_THAT(care_for(box).pin("replica-1", EntryId{8}, kNoLimit), IsOkAndHolds(EntryId{8}));
  box.crash(Crash::power_cut).open();
  EXPECT_THAT(box.report().foreign_files, IsEmpty());
  EXPECT_THAT(box.wal->maintenance().trim_before(EntryId{15}), IsOkAndHolds(EntryId{7}));
  const auto plan = box.wal->maintenance().plan_trim(EntryId{15}).value();
  EXPECT_THAT(plan.held_by, ElementsAre(TrimHold{By::pin, "replica-1"}));
  EXPECT_THAT(to_string(plan), HasSubstr("pinned by replica-1"));
  EXPECT_THAT(care_for(box).release_pin("replica-1"), IsOk());
  EXPECT_THAT(box.wal->maintenance().trim_before(EntryId{15}), IsOkAndHolds(EntryId{13}));
  EXPECT_THAT(care_for(box).release_pin("replica-1"), HasErrc(Errc::not_found));
}

TEST(NamedPin, IsListedAndMoved) {
  LogBox box = five_segments();
  const auto care = care_for(box);
  EXPECT_THAT(care.pins().value(), IsEmpty());
  EXPECT_THAT(care.pin("b", EntryId{}, 1000), IsOkAndHolds(EntryId{1}));
  EXPECT_THAT(care.pin("a", EntryId{5}, kNoLimit), IsOk());
  EXPECT_THAT(care.move_pin("b", EntryId{9}), IsOkAndHolds(EntryId{9}));
  const auto pins = care.pins().value();
  ASSERT_THAT(pins, SizeIs(2));
  EXPECT_EQ(pins[0].name, "a");
  EXPECT_EQ(pins[0].from, EntryId{5});
  EXPECT_EQ(pins[1].from, EntryId{9});
  EXPECT_EQ(pins[1].bytes_max, 1000u);
  EXPECT_GT(pins[1].created_ns, pins[0].created_ns);
  EXPECT_FALSE(pins[0].fault || pins[1].fault);
  EXPECT_THAT(care.move_pin("c", EntryId{9}), HasErrc(Errc::not_found));
}

TEST(NamedPin, OfWhatIsGoneIsAGapAndStaysWhereItWas) {
  LogBox box = five_segments();
  const auto care = care_for(box);
  care.trim_before(EntryId{8}).value();
  EXPECT_THAT(care.pin("a", EntryId{6}, kNoLimit), HasErrc(Errc::gap));
  EXPECT_THAT(care.pins().value(), IsEmpty());
  care.pin("a", EntryId{9}, kNoLimit).value();
  EXPECT_THAT(care.move_pin("a", EntryId{6}), HasErrc(Errc::gap));
  EXPECT_EQ(care.pins()->front().from, EntryId{9});
}

TEST(NamedPin, NameIsOneThatIsAFileName) {
  LogBox box = five_segments();
  const auto care = care_for(box);
  for (const std::string& name :
       {std::string(), std::string("A"), std::string("a.b"), std::string("a/b"),
        std::string("../a"), std::string(65, 'a'), std::string("a\0b", 3), std::string("ä")}) {
    EXPECT_THAT(care.pin(name, EntryId{1}, 1), HasErrc(Errc::invalid_argument)) << name;
    EXPECT_THAT(care.move_pin(name, EntryId{1}), HasErrc(Errc::invalid_argument)) << name;
    EXPECT_THAT(care.release_pin(name), HasErrc(Errc::invalid_argument)) << name;
  }
  EXPECT_THAT(care.pin("0_z-" + std::string(60, 'a'), EntryId{1}, 1), IsOk());
  EXPECT_THAT(care.pins().value(), SizeIs(1));
}

TEST(NamedPin, HoldsNoMoreThanItAllows) {
  LogBox box = five_segments();
  const auto care = care_for(box);
  const std::uint64_t each = box.directory->read_file(box.segment(0))->size();
  care.pin("dead", EntryId{5}, 3 * each).value();
  const auto plan = care.plan_trim(EntryId{15}).value();
  EXPECT_THAT(plan.overrun_pins, ElementsAre("dead"));
  EXPECT_THAT(to_string(plan), HasSubstr("the pin dead holds no more"));
  EXPECT_EQ(plan.oldest, EntryId{13});
  care.pin("dead", EntryId{5}, 4 * each).value();
  EXPECT_THAT(care.plan_trim(EntryId{15})->overrun_pins, IsEmpty());
  EXPECT_THAT(care.trim_before(EntryId{15}), IsOkAndHolds(EntryId{4}));
}

TEST(NamedPin, UnreadableOneHoldsEverythingAndIsNamed) {
  const std::vector<void (*)(LogBox&)> damages = {
      [](LogBox& b) { b.flip("wal/pins/a.pin", 50); },
      [](LogBox& b) { b.change("wal/pins/a.pin", [](Bytes& bytes) { bytes.clear(); }); },
      [](LogBox& b) { b.put("wal/pins/a.pin", Bytes(512)); }};
  for (const auto& damage : damages) {
    LogBox box = five_segments();
    const auto care = care_for(box);
    care.pin("a", EntryId{9}, 1).value();
    damage(box);
    EXPECT_THAT(care.trim_before(EntryId{15}), IsOkAndHolds(EntryId{1}));
    EXPECT_THAT(care.plan_trim(EntryId{15})->held_by, ElementsAre(TrimHold{By::pin, "a"}));
    const auto pins = care.pins().value();
    ASSERT_THAT(pins, SizeIs(1));
    ASSERT_TRUE(pins[0].fault);
    EXPECT_EQ(pins[0].fault->file, "pins/a.pin");
    EXPECT_THAT(care.move_pin("a", EntryId{9}), HasErrc(Errc::corrupt));
    EXPECT_THAT(care.release_pin("a"), IsOk());
    EXPECT_THAT(care.trim_before(EntryId{15}), IsOkAndHolds(EntryId{13}));
  }
}

TEST(NamedPin, OfAnotherLogHoldsNothing) {
  LogBox box = five_segments();
  care_for(box).pin("a", EntryId{9}, kNoLimit).value();
  ASSERT_THAT(WalMaintenance::continue_after(box.directory, EntryId{20}), IsOk());
  const auto pins = care_for(box).pins().value();
  ASSERT_THAT(pins, SizeIs(1));
  EXPECT_EQ(pins[0].fault->code, Errc::rewound);
  box.open().append(1).close().open().append(1).close();
  EXPECT_THAT(care_for(box).trim_before(EntryId{30}), IsOkAndHolds(EntryId{22}));
}

TEST(NamedPin, WhatWasNeverFinishedIsRemovedByTheNextWhoPinsOrTrims) {
  LogBox box = five_segments();
  const auto care = care_for(box);
  care.pin("a", EntryId{9}, kNoLimit).value();
  ASSERT_THAT(box.directory->add_file("wal/pins/x", {}), IsOk()) << "no file of ours";
  for (const bool trims : {true, false}) {
    const auto file = box.home()->subdirectory("pins", OpenMode::write).value();
    ASSERT_THAT(file->open("b.pin.tmp", OpenMode::create), IsOk());
    trims ? care.trim_before(EntryId{7}).value() : care.move_pin("a", EntryId{10}).value();
    EXPECT_THAT(box.directory->read_file("wal/pins/b.pin.tmp"), HasErrc(Errc::not_found));
    EXPECT_THAT(care.pins().value(), SizeIs(1));
  }
}

TEST(NamedPin, CannotBeMadeWhereNothingCanBeWritten) {
  const TempDirectory folder;
  {
    const auto directory = FsDirectory::open(folder.path()).value();
    auto wal = Wal::open(directory).value();
    wal.append("an entry").value();
  }
  const auto read_only = FsDirectory::open(folder.path(), {.access = FsAccess::read_only}).value();
  const auto care = WalMaintenance::open(read_only).value();
  const auto pinned = care.pin("a", EntryId{1}, kNoLimit);
  ASSERT_FALSE(pinned.has_value());
  EXPECT_THAT(pinned.error().message, HasSubstr("a pin is a file in the log's folder"));
  EXPECT_THAT(care.pins().value(), IsEmpty());
  EXPECT_THAT(care.pin(EntryId{1}), IsOk()) << "one of this process needs no file";
}

TEST(NamedPin, OthersWaitForTheirTurn) {
  LogBox box = five_segments();
  const auto care = care_for(box);
  care.pin("a", EntryId{9}, kNoLimit).value();
  const auto folder = box.home()->subdirectory("pins", OpenMode::write).value();
  auto held = folder->lock().value();
  EXPECT_THAT(care.trim_before(EntryId{15}), HasErrc(Errc::locked));
  EXPECT_THAT(care.pins().value(), SizeIs(1)) << "looking needs no turn";
  held.reset();
  EXPECT_THAT(care.trim_before(EntryId{15}), IsOkAndHolds(EntryId{7}));
}

TEST(NamedPin, EachOperationThatFailsIsToldAndKeepsToTheProtocol) {
  for (std::uint64_t at = 1;; ++at) {
    LogBox box = five_segments();
    box.directory = box.directory->crash(Crash::process_kill);
    const auto faults = testing::FaultDirectory::create(box.directory);
    const auto checked = testing::CheckedDirectory::create(faults);
    const auto care = WalMaintenance::open(checked).value();
    const std::uint64_t before = faults->operation_count();
    faults->fail_at(before + at, testing::Fault::io);
    const auto pinned = care.pin("a", EntryId{8}, kNoLimit);
    const bool failed = faults->operation_count() >= before + at;
    EXPECT_EQ(pinned.has_value(), !failed) << at;
    EXPECT_THAT(checked->violations(), IsEmpty()) << at;
    EXPECT_THAT(care_for(box).pin("a", EntryId{8}, kNoLimit), IsOk()) << at;
    EXPECT_THAT(care_for(box).trim_before(EntryId{15}), IsOkAndHolds(EntryId{7}));
    if (!failed) break;
  }
}

// Pinners and trims on one file system: who was told that it holds, holds.
TEST(NamedPin, AgainstTrimsThatCome) {
  const TempDirectory folder;
  const auto directory = FsDirectory::open(folder.path()).value();
  auto wal = Wal::open(directory, {.flush = FlushPolicy::manual(), .segment_bytes = 4096}).value();
  for (int n = 0; n < 400; ++n) wal.append(std::string(300, 'x')).value();
  wal.sync().value();
  std::atomic<bool> done = false;
  std::thread trimmer([&] {
    for (std::uint64_t keep = 1; keep < 400; keep += 13) {
      const auto trimmed = wal.maintenance().trim_before(EntryId{keep});
      EXPECT_TRUE(trimmed || trimmed.error().code == Errc::locked) << trimmed.error();
    }
    done = true;
  });
  const auto care = WalMaintenance::open(directory).value();
  const auto reader = Reader::open(directory).value();
  std::uint64_t held = 0;
  while (!done) {
    const auto from = care.pin("racer", EntryId{}, kNoLimit);
    ASSERT_THAT(from, IsOk());
    for (int n = 0; n < 3; ++n) ASSERT_THAT(reader.read(*from), IsOk()) << *from;
    ASSERT_THAT(care.release_pin("racer"), IsOk());
    ++held;
  }
  trimmer.join();
  EXPECT_GT(held, 0u);
}

}  // namespace
}  // namespace walkit
