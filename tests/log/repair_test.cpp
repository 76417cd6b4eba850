// Plans of repair: what is in them, what refuses, and what is done to the files.

#include "log/log_box.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace walkit {
namespace {

using Action = RepairStep::Action;

/// Three closed lives of three entries, a segment each.
LogBox three_segments() {
  LogBox box;
  box.append(3).close().open().append(3).close().open().append(3).close();
  return box;
}

WalMaintenance care_for(const LogBox& box) { return WalMaintenance::open(box.directory).value(); }

std::uint64_t count_of(const RepairPlan& plan, Action action) {
  std::uint64_t count = 0;
  for (const RepairStep& step : plan.steps) count += step.action == action;
  return count;
}

void apply_plan(const LogBox& box) {
  const auto plan = care_for(box).plan_repair();
  ASSERT_THAT(plan, IsOk());
  ASSERT_FALSE(plan->steps.empty());
  ASSERT_THAT(care_for(box).apply(*plan, plan->lost), IsOk());
}

TEST(Repair, HealthyOrTornLogNeedsNone) {
  LogBox closed = three_segments();
  EXPECT_THAT(care_for(closed).plan_repair(), IsOkAndHolds(RepairPlan{}));
  LogBox torn;
  torn.append(3).flush(2).kill();
  torn.change(torn.newest(), [](Bytes& bytes) { bytes.resize(bytes.size() / 2); });
  const Image before = torn.image();
  EXPECT_THAT(care_for(torn).apply({}), IsOk());
  EXPECT_EQ(torn.image(), before);
}

TEST(Repair, ReadThatFailsWhileItIsAppliedGivesUpNothingMore) {
  LogBox box = three_segments();
  box.flip(box.segment(1), 600);
  const auto read = [](const std::shared_ptr<Directory>& directory) {
    std::vector<std::uint64_t> ids;
    const auto reader = Reader::open(directory, {.recorded_loss = RecordedLoss::accept}).value();
    const auto apply = [&](const auto& record) { ids.push_back(record.entry_id.value); };
    EXPECT_THAT(reader.replay_each(ReplayMode::strict, apply), IsOk());
    return ids;
  };
  const RepairPlan plan = care_for(box).plan_repair().value();
  const LogBox whole = [&] {
    LogBox copy;
    copy.kill().directory = box.directory->clone();
    apply_plan(copy);
    return copy;
  }();
  std::uint64_t refused = 0;
  for (std::uint64_t at = 1;; ++at) {
    LogBox copy;
    copy.kill().directory = box.directory->clone();
    const auto faults = testing::FaultDirectory::create(copy.directory);
    faults->fail_read_at(at, testing::Fault::io);
    const auto care = WalMaintenance::open(faults);
    const Status applied = care ? care->apply(plan, plan.lost) : Status(care.error());
    if (faults->fault_count() == 0) break;
    refused += !applied;
    if (!applied) apply_plan(copy);
    EXPECT_EQ(read(copy.directory), read(whole.directory)) << "read " << at;
  }
  EXPECT_GT(refused, 20u);
}

TEST(Repair, MissingManifestIsMadeAnewAndNoSegmentTouched) {
  LogBox box = three_segments();
  Image before = box.image();
  box.remove("wal/MANIFEST");
  const auto plan = care_for(box).plan_repair().value();
  ASSERT_EQ(plan.steps.size(), 1u);
  EXPECT_EQ(plan.steps[0].action, Action::rebuild_manifest);
  EXPECT_TRUE(plan.lost.empty());
  ASSERT_THAT(care_for(box).apply(plan), IsOk());
  Image after = box.image();
  EXPECT_TRUE(after.contains("wal/MANIFEST"));
  before.erase("wal/MANIFEST");
  after.erase("wal/MANIFEST");
  EXPECT_EQ(after, before);
  expect_recovers(box.directory, texts_through(9), 9);
}

TEST(Repair, BothSlotsBadGoToQuarantine) {
  LogBox box = three_segments();
  box.flip("wal/MANIFEST", 50);
  EXPECT_THAT(care_for(box).plan_repair(), IsOkAndHolds(RepairPlan{}));  // one slot is enough
  box.flip("wal/MANIFEST", 4096 + 50);
  const Bytes bad = box.directory->read_file("wal/MANIFEST").value();
  apply_plan(box);
  EXPECT_THAT(box.directory->read_file("wal/quarantine/MANIFEST"), IsOkAndHolds(bad));
  expect_recovers(box.directory, texts_through(9), 9);
}

TEST(Repair, ForeignSegmentGoesToQuarantineAndNothingIsRewritten) {
  LogBox box = three_segments();
  LogBox other({}, {.seed = 99});
  other.append(3).close();
  const std::string name = "00000000000000000002-00000000000000000005.wal";
  box.put("wal/" + name, other.directory->read_file(other.segment(0)).value());
  const auto plan = care_for(box).plan_repair().value();
  ASSERT_EQ(plan.steps.size(), 1u) << to_string(plan);
  EXPECT_EQ(plan.steps[0].action, Action::quarantine_file);
  EXPECT_EQ(plan.steps[0].file, name);
  apply_plan(box);
  EXPECT_THAT(box.directory->read_file("wal/quarantine/" + name), IsOk());
  expect_recovers(box.directory, texts_through(9), 9);
}

TEST(Repair, LossMustBeAccepted) {
  LogBox box = three_segments();
  box.remove(box.segment(1));
  const auto care = care_for(box);
  const auto plan = care.plan_repair().value();
  EXPECT_EQ(plan.lost, (EntryIdRange{EntryId{4}, EntryId{6}}));
  EXPECT_EQ(count_of(plan, Action::record_loss), 1u);
  EXPECT_EQ(count_of(plan, Action::write_replacement), 2u);
  const Image before = box.image();
  for (const EntryIdRange accepted : {EntryIdRange{}, EntryIdRange{EntryId{5}, EntryId{6}},
                                      EntryIdRange{EntryId{4}, EntryId{5}}}) {
    EXPECT_THAT(care.apply(plan, accepted), HasErrc(Errc::invalid_argument));
  }
  EXPECT_EQ(box.image(), before);
  ASSERT_THAT(care.apply(plan, {EntryId{1}, EntryId{9}}), IsOk());
  EXPECT_THAT(read_all(box.directory), HasErrc(Errc::corrupt));  // until it is accepted there too
  EXPECT_EQ(box.open().append(1).last(), 10u);
}

TEST(Repair, StaleOrInventedPlanIsRefused) {
  LogBox box = three_segments();
  box.remove(box.segment(1));
  const auto care = care_for(box);
  const auto plan = care.plan_repair().value();
  box.remove(box.segment(1));
  const Image before = box.image();
  EXPECT_THAT(care.apply(plan, plan.lost), HasErrc(Errc::invalid_argument));
  RepairPlan invented;
  invented.steps.push_back({Action::quarantine_file, "MANIFEST", "because", 0, 0});
  EXPECT_THAT(care.apply(invented, plan.lost), HasErrc(Errc::invalid_argument));
  EXPECT_EQ(box.image(), before);
}

TEST(Repair, WriterKeepsItOut) {
  LogBox box;
  box.append(3);
  EXPECT_THAT(care_for(box).plan_repair(), HasErrc(Errc::locked));
  EXPECT_THAT(care_for(box).apply({}), HasErrc(Errc::locked));
}

TEST(Repair, EntriesThatOnlyLockTellsOfAreRecordedAsLost) {
  LogBox box;
  box.append(5).kill();
  const auto frames = read_segment(*box.home(), box.newest().substr(4)).frames;
  box.change(box.newest(), [&](Bytes& bytes) { bytes.resize(frames.at(3).offset); });
  const auto plan = care_for(box).plan_repair().value();
  EXPECT_EQ(plan.lost, (EntryIdRange{EntryId{4}, EntryId{5}}));
  apply_plan(box);
  EXPECT_EQ(box.open().append(1).last(), 6u);
}

TEST(Repair, AllSegmentsGoneIsARecordedLossToo) {
  LogBox box = three_segments();
  for (const std::string& name : segment_files(box.directory)) box.remove("wal/" + name);
  const auto plan = care_for(box).plan_repair().value();
  EXPECT_EQ(plan.lost, (EntryIdRange{EntryId{1}, EntryId{9}}));
  apply_plan(box);
  box.options.entry_type = {};
  EXPECT_EQ(box.open().append(1).last(), 10u);
}

TEST(Repair, DamagedTailInWholeBlocksIsLeftBehind) {
  LogBox box({.layout = Layout::whole_blocks});
  box.append(3).flush(1).kill();
  const auto frames = read_segment(*box.home(), box.newest().substr(4)).frames;
  box.flip(box.newest(), frames.at(3).offset + 20);
  EXPECT_THAT(box.try_open(), HasErrc(Errc::corrupt));
  const auto plan = care_for(box).plan_repair().value();
  EXPECT_TRUE(plan.lost.empty());
  apply_plan(box);
  EXPECT_EQ(box.open().last(), 3u);
}

TEST(Repair, OnlySegmentWithoutHeaderIsReadByAnyCodec) {
  LogBox box;
  box.append(3).close();
  ASSERT_THAT(box.directory->zero_sector(box.segment(0), 0), IsOk());
  apply_plan(box);
  expect_recovers(box.directory, texts_through(3), 3);
}

TEST(Repair, HeaderWithOneBitWrongKeepsCodecAndType) {
  LogBox box;
  box.append(3).close();
  const auto before = read_segment(*box.home(), box.segment(0).substr(4)).header;
  box.flip(box.segment(0), 150);
  apply_plan(box);
  const auto after = read_segment(*box.home(), box.segment(0).substr(4)).header;
  EXPECT_EQ(after.codec, before.codec);
  EXPECT_EQ(after.max_entry_bytes, before.max_entry_bytes);
  expect_recovers(box.directory, texts_through(3), 3);
}

TEST(Repair, FrameOfANewerWalkitIsLeftToIt) {
  LogBox box;
  box.append(3).close();
  const std::string path = box.segment(0);
  const auto segment = read_segment(*box.home(), path.substr(4));
  box.change(path, [&](Bytes& bytes) {
    log::FrameHeader frame = segment.frames.at(1);
    frame.flags = 0x4000;
    log::encode_frame_header(frame, log::frame_seed(segment.header.salt()),
                             bytes.data() + frame.offset);
  });
  const Image before = box.image();
  EXPECT_THAT(care_for(box).plan_repair(), HasErrc(Errc::incompatible));
  EXPECT_EQ(box.image(), before);
}

TEST(Repair, TemporaryFilesAreRemovedAndForeignOnesLeft) {
  LogBox box = three_segments();
  box.put("wal/MANIFEST.tmp", Bytes(10));
  box.put("wal/notes.txt", Bytes(10));
  box.remove(box.segment(1));
  const auto plan = care_for(box).plan_repair().value();
  EXPECT_EQ(count_of(plan, Action::remove_temporary), 1u);
  apply_plan(box);
  const Image after = box.image();
  EXPECT_FALSE(after.contains("wal/MANIFEST.tmp"));
  EXPECT_TRUE(after.contains("wal/notes.txt"));
}

// A repair that was stopped behind its commit point.
TEST(Repair, OldSegmentsThatAreStillThereAreInNobodysWay) {
  LogBox box = three_segments();
  const std::string name = box.segment(2);
  const Bytes old = box.directory->read_file(name).value();
  box.remove(box.segment(1));
  apply_plan(box);
  box.put(name, old);
  ASSERT_THAT(box.try_open(), IsOk());
  box.close();
  const auto plan = care_for(box).plan_repair().value();
  ASSERT_EQ(plan.steps.size(), 1u) << to_string(plan);
  // Between the old MANIFEST and the new one, nothing is written a second time either.
  const Bytes manifest = box.directory->read_file("wal/MANIFEST").value();
  box.remove("wal/MANIFEST");
  EXPECT_EQ(count_of(care_for(box).plan_repair().value(), Action::write_replacement), 0u);
  box.put("wal/MANIFEST", manifest);
  EXPECT_EQ("wal/" + plan.steps[0].file, name);
  EXPECT_TRUE(plan.lost.empty());
  apply_plan(box);
  EXPECT_THAT(care_for(box).plan_repair(), IsOkAndHolds(RepairPlan{}));
}

TEST(Repair, RepeatedRepairsKeepWhatEachSetAside) {
  LogBox box = three_segments();
  const Bytes first = box.directory->read_file("wal/MANIFEST").value();
  box.remove(box.segment(1));
  apply_plan(box);
  const Bytes second = box.directory->read_file("wal/MANIFEST").value();
  box.remove(box.segment(0));
  apply_plan(box);
  EXPECT_THAT(box.directory->read_file("wal/quarantine/MANIFEST"), IsOkAndHolds(first));
  EXPECT_THAT(box.directory->read_file("wal/quarantine/MANIFEST.2"), IsOkAndHolds(second));
  EXPECT_EQ(box.open().append(1).last(), 10u);
}

}  // namespace
}  // namespace walkit
