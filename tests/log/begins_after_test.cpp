// Logs that do not begin with entry 1: born behind ids that something else accounts for.

#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {
namespace {

/// A MANIFEST without segments that says where the log begins, and nothing else.
void put_manifest(LogBox& box, log::ManifestSlot slot) {
  slot.durable_through = std::max(slot.durable_through, slot.begins_after);
  Bytes manifest;
  for (slot.generation = 2; slot.generation < 4; ++slot.generation) {
    const auto bytes = log::encode(slot);
    manifest.insert(manifest.end(), bytes.begin(), bytes.end());
  }
  box.put("wal/MANIFEST", manifest);
}

/// Empty, its first entry will be 11, in segment `number` (0: not said).
LogBox behind_ten(std::uint64_t number = 0) {
  LogBox box;
  box.close();
  put_manifest(
      box,
      {.log = {std::byte{7}}, .epoch = 3, .first_segment = number, .begins_after = EntryId{10}});
  return box;
}

log::ManifestSlot slot_of(const LogBox& box) {
  return *log::read_manifest(*box.home()).value().newest();
}

Result<EntryIdRange> replayed(const LogBox& box) {
  const auto reader = Reader::open(box.directory);
  if (!reader) return reader.error();
  const auto summary = reader->replay_each(ReplayMode::strict, [](const auto&) {});
  if (!summary) return summary.error();
  return summary->entries;
}

TEST(BeginsAfter, EmptyLogGivesNothingAndKnowsWhereItBegins) {
  LogBox box = behind_ten();
  const auto reader = Reader::open(box.directory).value();
  EXPECT_THAT(reader.entry_count(), IsOkAndHolds(0u));
  EXPECT_THAT(reader.read(EntryId{11}), HasErrc(Errc::not_found));
  const auto gone = reader.read(EntryId{10});
  ASSERT_THAT(gone, HasErrc(Errc::gap));
  EXPECT_EQ(gone.error().lost, (EntryIdRange{EntryId{10}, EntryId{10}}));
  const auto nothing = [](const auto&) {};
  EXPECT_THAT(reader.replay_range({EntryId{4}, EntryId{12}}, ReplayMode::strict, nothing),
              HasErrc(Errc::gap));
  EXPECT_THAT(reader.follow(EntryId{4}).next(std::chrono::milliseconds(0)), HasErrc(Errc::gap));
  EXPECT_THAT(reader.follow(EntryId{}).next(std::chrono::milliseconds(0)), IsOk());
  EXPECT_THAT(*reader.newest_first(EntryId{4}).begin(), HasErrc(Errc::gap));
}

TEST(LogExtent, SummarySaysWhatTheLogHoldsAndWhichItIs) {
  LogBox box = behind_ten();
  const auto nothing = [](const auto&) {};
  const auto summary_of = [&](EntryIdRange range) {
    return Reader::open(box.directory)->replay_range(range, ReplayMode::strict, nothing).value();
  };
  const EntryIdRange all{EntryId{}, EntryId::max()};
  EXPECT_EQ(summary_of(all).log, (EntryIdRange{EntryId{11}, EntryId{10}}));
  EXPECT_EQ(summary_of(all).log_identity, LogIdentity{std::byte{7}});
  box.open().append(5);
  EXPECT_EQ(box.wal->log_identity(), LogIdentity{std::byte{7}});
  for (const bool live : {true, false}) {
    if (!live) box.close();
    const auto summary = summary_of({EntryId{12}, EntryId::max()});
    EXPECT_EQ(summary.log, (EntryIdRange{EntryId{11}, EntryId{15}}));
    EXPECT_EQ(summary.entries, (EntryIdRange{EntryId{12}, EntryId{15}}));
    EXPECT_EQ(summary.log_identity, LogIdentity{std::byte{7}});
    EXPECT_EQ(summary_of({EntryId{12}, EntryId{13}}).log, summary.log) << "given or not";
  }
}

TEST(LogExtent, BesideAWriterItEndsWhereTheReplayDoes) {
  LogBox box;
  box.append(3).flush(2);
  const auto nothing = [](const auto&) {};
  const auto last_of = [&](Durability visibility) {
    const auto reader = Reader::open(box.directory, {.visibility = visibility}).value();
    return reader.replay_each(ReplayMode::strict, nothing)->log.last;
  };
  EXPECT_EQ(last_of(Durability::durable), EntryId{3});
  EXPECT_EQ(last_of(Durability::flushed), EntryId{5});
}

TEST(LogExtent, EveryWayOfReadingSaysIt) {
  LogBox box = behind_ten();
  box.open().append(3).close();
  const auto reader = Reader::open(box.directory).value();
  const EntryIdRange all{EntryId{11}, EntryId{13}};
  const auto expect_says = [&](auto cursor, std::size_t most) {
    auto item = cursor.begin();
    for (; item != cursor.end() && --most > 0; ++item) {
    }
    EXPECT_EQ(cursor.summary().log, all);
    EXPECT_EQ(cursor.summary().log_identity, LogIdentity{std::byte{7}});
  };
  expect_says(reader.cursor(), 9);
  expect_says(reader.cursor({}, ReplayMode::salvage), 9);
  expect_says(reader.newest_first(), 9);
  expect_says(reader.follow({}), 1);
}

TEST(BeginsAfter, FirstAppendGoesOnBehindThoseIds) {
  for (const std::uint64_t number : {0u, 1u, 7u}) {
    LogBox box = behind_ten(number);
    box.open();
    EXPECT_EQ(box.report().entries, (EntryIdRange{EntryId{11}, EntryId{10}}));
    EXPECT_EQ(box.last(), 10u);
    box.append(2);
    const auto segment = read_segment(*box.home(), segment_files(box.directory).at(0));
    EXPECT_EQ(segment.header.number, std::max<std::uint64_t>(number, 1));
    EXPECT_EQ(segment.header.first, EntryId{11});
    EXPECT_EQ(segment.header.prev_number, 0u);
    EXPECT_EQ(segment.header.prev_last, EntryId{10});
    EXPECT_EQ(slot_of(box).begins_after, EntryId{10});
    EXPECT_EQ(slot_of(box).first_salt, segment.header.salt());
    box.kill().open().append(1).close();
    EXPECT_THAT(replayed(box), IsOkAndHolds(EntryIdRange{EntryId{11}, EntryId{13}}));
    EXPECT_TRUE(WalMaintenance::open(box.directory)->verify()->damage.empty());
  }
}

// The name of its first segment is durable, the manifest that tells of it is not.
TEST(BeginsAfter, ManifestFromBeforeTheFirstSegmentStillFits) {
  LogBox box = behind_ten(7);
  const Bytes before = box.directory->read_file("wal/MANIFEST").value();
  box.open().append(2).kill();
  box.put("wal/MANIFEST", before);
  EXPECT_THAT(replayed(box), IsOkAndHolds(EntryIdRange{EntryId{11}, EntryId{12}}));
  box.open().append(1).close();
  EXPECT_THAT(replayed(box), IsOkAndHolds(EntryIdRange{EntryId{11}, EntryId{13}}));
}

TEST(BeginsAfter, AcknowledgedEntriesOfALogWithoutSegmentsAreLost) {
  LogBox box = behind_ten();
  log::ManifestSlot slot = slot_of(box);
  slot.durable_through = EntryId{11};
  put_manifest(box, slot);
  EXPECT_THAT(replayed(box), HasErrc(Errc::corrupt));
  EXPECT_THAT(box.try_open(), HasErrc(Errc::corrupt));
}

TEST(BeginsAfter, SegmentsBelowTheFirstAreNoPartOfTheLog) {
  LogBox box;
  box.append(3).close();
  const Bytes old = box.directory->read_file(box.newest()).value();
  log::ManifestSlot slot{.log = {std::byte{7}}, .first_segment = 3, .begins_after = EntryId{10}};
  put_manifest(box, slot);
  EXPECT_THAT(replayed(box), IsOkAndHolds(EntryIdRange{EntryId{1}, EntryId{}}));
  EXPECT_EQ(box.open().append(1).last(), 11u);
  EXPECT_EQ(box.directory->read_file(box.segment(0)).value(), old);
}

TEST(BeginsAfter, FirstSegmentThatBeginsElsewhereIsDamage) {
  LogBox box = behind_ten();
  box.open().append(2).close();
  log::ManifestSlot slot = slot_of(box);
  for (const std::uint64_t other : {9u, 11u}) {
    slot.begins_after = EntryId{other};
    put_manifest(box, slot);
    EXPECT_THAT(replayed(box), HasErrc(Errc::corrupt)) << other;
    EXPECT_THAT(box.try_open(), HasErrc(Errc::corrupt)) << other;
  }
  const auto care = WalMaintenance::open(box.directory).value();
  const auto plan = care.plan_repair().value();
  EXPECT_TRUE(plan.lost.empty()) << to_string(plan);
  ASSERT_THAT(care.apply(plan), IsOk());
  EXPECT_EQ(slot_of(box).begins_after, EntryId{10});
  EXPECT_THAT(replayed(box), IsOkAndHolds(EntryIdRange{EntryId{11}, EntryId{12}}));
}

TEST(BeginsAfter, SalvageAndRepairBeginThereToo) {
  LogBox box = behind_ten();
  box.open().append(3).close();
  const auto segment = read_segment(*box.home(), box.newest().substr(4));
  box.flip(box.newest(), segment.frames.at(1).offset + 70);
  const auto target = CrashDirectory::create();
  const auto care = WalMaintenance::open(box.directory).value();
  const auto saved = care.salvage(target).value();
  EXPECT_EQ(saved.entries, (EntryIdRange{EntryId{11}, EntryId{13}}));
  const auto plan = care.plan_repair().value();
  EXPECT_EQ(plan.lost, (EntryIdRange{EntryId{12}, EntryId{12}}));
  ASSERT_THAT(care.apply(plan, plan.lost), IsOk());
  for (const auto& directory : {target, box.directory}) {
    const auto home = directory->subdirectory("wal", OpenMode::read).value();
    EXPECT_EQ(log::read_manifest(*home)->newest()->begins_after, EntryId{10});
    const auto reader = Reader::open(directory, {.recorded_loss = RecordedLoss::accept}).value();
    EXPECT_THAT(reader.entry_count(), IsOkAndHolds(2u));
  }
}

TEST(BeginsAfter, SalvageOfAnEmptyLogBeginsThereToo) {
  LogBox box = behind_ten();
  const auto target = MemoryDirectory::create();
  ASSERT_THAT(WalMaintenance::open(box.directory)->salvage(target), IsOk());
  EXPECT_EQ(Wal::open(target)->next_entry_id(), EntryId{11});
}

}  // namespace
}  // namespace walkit
