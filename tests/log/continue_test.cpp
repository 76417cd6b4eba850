// A checkpoint that is ahead of the log, or has lost it: an empty log in its place, behind it.

#include "log/log_box.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/checked_directory.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace walkit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Status continue_after(const LogBox& box, std::uint64_t through) {
  return WalMaintenance::continue_after(box.directory, EntryId{through});
}

LogBox three_segments() {
  LogBox box;
  box.append(3).close().open().append(3).close().open().append(3).close();
  return box;
}

log::ManifestSlot slot_of(const LogBox& box) {
  return *log::read_manifest(*box.home()).value().newest();
}

TEST(ContinueAfter, BeginsAnEmptyLogBehindTheCheckpoint) {
  LogBox box = three_segments();
  const Image before = box.image();
  const log::ManifestSlot old = slot_of(box);
  ASSERT_THAT(continue_after(box, 20), IsOk());
  EXPECT_THAT(segment_files(box.directory), IsEmpty());
  for (const auto& [path, bytes] : before) {
    if (path == "wal/LOCK") continue;
    EXPECT_EQ(box.directory->read_file("wal/quarantine/" + path.substr(4)).value(), bytes) << path;
  }
  const log::ManifestSlot slot = slot_of(box);
  EXPECT_NE(slot.log, old.log);
  EXPECT_GT(slot.epoch, old.epoch);
  EXPECT_EQ(slot.begins_after, EntryId{20});
  EXPECT_EQ(slot.first_segment, 4u);
  box.open();
  EXPECT_EQ(box.wal->append("the first behind it").value(), EntryId{21});
  box.close();
  const auto reader = Reader::open(box.directory).value();
  EXPECT_THAT(reader.read(EntryId{9}), HasErrc(Errc::gap));
  EXPECT_EQ(reader.read(EntryId{21})->payload, "the first behind it");
  EXPECT_THAT(WalMaintenance::open(box.directory)->verify()->damage, IsEmpty());
}

TEST(ContinueAfter, TakesALogOfAnyStateAndNone) {
  const std::vector<std::pair<const char*, void (*)(LogBox&)>> states = {
      {"nothing was appended",
       [](LogBox& b) { b.directory = std::move(LogBox().close().directory); }},
      {"killed", [](LogBox& b) { b.open().append(1).kill(); }},
      {"torn",
       [](LogBox& b) {
         b.open().append(1).flush(1).kill();
         const auto segment = read_segment(*b.home(), b.newest().substr(4));
         b.change(b.newest(), [&](Bytes& bytes) { bytes.resize(segment.frames[1].offset + 70); });
       }},
      {"a segment is missing", [](LogBox& b) { b.remove(b.segment(1)); }},
      {"a header is damaged", [](LogBox& b) { b.flip(b.segment(2), 200); }},
      {"an entry is damaged", [](LogBox& b) { b.flip(b.segment(2), 600); }},
      {"no manifest", [](LogBox& b) { b.remove("wal/MANIFEST"); }},
      {"nothing but LOCK",
       [](LogBox& b) {
         for (const auto& [path, bytes] : b.image()) {
           if (path != "wal/LOCK") b.remove(path);
         }
       }},
      {"an unfinished file", [](LogBox& b) { b.put(b.newest() + ".tmp", Bytes(600)); }},
      {"no folder", [](LogBox& b) { b.directory = CrashDirectory::create(); }}};
  for (const auto& [what, change] : states) {
    SCOPED_TRACE(what);
    LogBox box = three_segments();
    change(box);
    for (int times = 0; times < 2; ++times) ASSERT_THAT(continue_after(box, 50), IsOk());
    for (const std::string& file : box.directory->list_files()) {
      EXPECT_TRUE(file == "wal/LOCK" || file == "wal/MANIFEST" ||
                  file.starts_with("wal/quarantine/"))
          << file;
    }
    EXPECT_EQ(box.open().append(1).last(), 51u);
    box.close();
    EXPECT_THAT(WalMaintenance::open(box.directory)->verify()->damage, IsEmpty());
  }
}

TEST(ContinueAfter, NeverGivesUpEntriesBehindTheCheckpoint) {
  LogBox box = three_segments();
  const Image before = box.image();
  const auto expect_refused = [&](const LogBox& b, std::uint64_t last) {
    const Status refused = continue_after(b, 8);
    ASSERT_THAT(refused, HasErrc(Errc::invalid_argument));
    EXPECT_EQ(refused.error().lost, (EntryIdRange{EntryId{9}, EntryId{last}}));
  };
  expect_refused(box, 9);
  EXPECT_EQ(box.image(), before) << "a refusal changes nothing";
  LogBox lock_only = three_segments();
  for (const auto& [path, bytes] : lock_only.image()) {
    if (path != "wal/LOCK") lock_only.remove(path);
  }
  expect_refused(lock_only, 9);
  LogBox flushed;
  flushed.append(8).flush(3).kill();
  expect_refused(flushed, 11);
  LogBox missing = three_segments();
  missing.remove(missing.segment(2));
  missing.remove("wal/LOCK");
  expect_refused(missing, 9);
}

TEST(ContinueAfter, IsDoneOnceAndThenTheLogGoesOn) {
  LogBox box = three_segments();
  ASSERT_THAT(continue_after(box, 20), IsOk());
  const Image once = box.image();
  ASSERT_THAT(continue_after(box, 20), IsOk());
  EXPECT_EQ(box.image(), once);
  box.open().append(1).close();
  EXPECT_THAT(continue_after(box, 20), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(continue_after(box, 21), IsOk()) << "covered by a newer checkpoint";
  EXPECT_EQ(box.open().append(1).last(), 22u);
}

TEST(ContinueAfter, IsRefusedBesideAWriterAndForTheLastId) {
  LogBox box;
  box.append(1);
  EXPECT_THAT(continue_after(box, 5), HasErrc(Errc::locked));
  EXPECT_THAT(WalMaintenance::continue_after(nullptr, EntryId{5}), HasErrc(Errc::invalid_argument));
  box.close();
  EXPECT_THAT(continue_after(box, EntryId::max().value), HasErrc(Errc::invalid_argument));
  EXPECT_THAT(continue_after(box, EntryId::max().value - 1), IsOk());
  box.open();
  EXPECT_THAT(box.wal->append("no id is left"), HasErrc(Errc::too_large));
}

TEST(ContinueAfter, NewerLogIsLeftAlone) {
  LogBox box = three_segments();
  box.change("wal/MANIFEST", [](Bytes& bytes) {
    for (const std::size_t at : {0u, 4096u}) {
      const std::span<std::byte> slot = std::span(bytes).subspan(at, 4096);
      slot[12] = std::byte{9};
      const std::uint32_t crc =
          crc32c(BytesView(slot).subspan(32), crc32c(BytesView(slot).first(28)));
      for (int i = 0; i < 4; ++i) slot[28 + i] = static_cast<std::byte>(crc >> (8 * i));
    }
  });
  const Image before = box.image();
  EXPECT_THAT(continue_after(box, 50), HasErrc(Errc::incompatible));
  EXPECT_EQ(box.image(), before);
}

TEST(ContinueAfter, FollowerOfTheOldLogIsToldOfAnother) {
  LogBox box;
  box.append(3);
  const auto reader = Reader::open(box.directory).value();
  auto follower = reader.follow(EntryId{});
  for (int n = 0; n < 3; ++n) {
    EXPECT_THAT(follower.next(std::chrono::milliseconds(0)), IsOk());
  }
  box.close();
  ASSERT_THAT(continue_after(box, 3), IsOk());
  box.open().append(1);
  EXPECT_THAT(follower.next(std::chrono::milliseconds(100)), HasErrc(Errc::rewound));
}

// The crash came between the new MANIFEST and the moves.
TEST(ContinueAfter, FilesOfTheOldLogAreNoPartOfTheNewOne) {
  for (const bool appended : {false, true}) {
    LogBox box = three_segments();
    const Image before = box.image();
    ASSERT_THAT(continue_after(box, 20), IsOk());
    if (appended) box.open().append(2).close();
    for (const auto& [path, bytes] : before) {
      if (path.ends_with(".wal")) box.put(path, bytes);
    }
    const auto care = WalMaintenance::open(box.directory).value();
    EXPECT_THAT(care.verify()->damage, IsEmpty()) << to_string(*care.verify());
    EXPECT_EQ(care.verify()->entries.size(), appended ? 2u : 0u);
    box.open();
    EXPECT_THAT(box.report().foreign_files, SizeIs(3));
    EXPECT_THAT(box.report().swept_files, IsEmpty());
    box.close();
    const auto plan = care.plan_repair().value();
    EXPECT_THAT(plan.steps, SizeIs(3)) << to_string(plan);
    ASSERT_THAT(care.apply(plan), IsOk());
    EXPECT_THAT(segment_files(box.directory), SizeIs(appended ? 1 : 0));
    EXPECT_EQ(box.open().append(1).last(), appended ? 23u : 21u);
  }
}

TEST(ContinueAfter, EachOperationThatFailsIsToldAndASecondCallFinishes) {
  for (std::uint64_t at = 1;; ++at) {
    LogBox box = three_segments();
    box.directory = box.directory->crash(Crash::process_kill);
    const Image before = box.image();
    const auto faults = testing::FaultDirectory::create(box.directory);
    const auto checked = testing::CheckedDirectory::create(faults);
    faults->fail_at(at, testing::Fault::io);
    const Status begun = WalMaintenance::continue_after(checked, EntryId{20});
    const bool failed = faults->operation_count() >= at;
    EXPECT_EQ(begun.has_value(), !failed) << at;
    EXPECT_THAT(checked->violations(), IsEmpty()) << at;
    EXPECT_THAT(WalMaintenance::open(box.directory)->verify()->damage, IsEmpty()) << at;
    ASSERT_THAT(continue_after(box, 20), IsOk()) << at;
    EXPECT_THAT(segment_files(box.directory), IsEmpty());
    EXPECT_EQ(box.open().append(1).last(), 21u);
    if (!failed) break;
  }
}

}  // namespace
}  // namespace walkit
