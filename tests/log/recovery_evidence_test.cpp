// What open makes of the files beside the segments, and of files that are not the log's: MANIFEST,
// LOCK, a caller's floor, leftovers, foreign files. A refusal changes no byte.

#include <algorithm>

#include "log/log_box.hpp"

namespace walkit {
namespace {

using Origin = RecoveryReport::Origin;

void expect_holds(const LogBox& box, std::uint64_t count) {
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(texts_through(count)));
}

/// Open answers that, twice, and changes no byte of any file.
Error expect_refused(LogBox& box, Errc code) {
  const Image before = box.image();
  EXPECT_THAT(box.try_open(), HasErrc(code));
  const Status again = box.try_open();
  EXPECT_THAT(again, HasErrc(code));
  EXPECT_EQ(box.image(), before);
  return again.has_value() ? Error{} : again.error();
}

LogBox three_segments() {
  LogBox box({.segment_bytes = 4096});
  while (segment_files(box.directory).size() < 3) box.append(1);
  box.append(1);
  return box;
}

void change_slots(LogBox& box, const std::function<void(log::ManifestSlot&)>& change) {
  box.change("wal/MANIFEST", [&](Bytes& bytes) {
    for (std::size_t i = 0; i < 2; ++i) {
      const std::size_t at = i * log::kManifestSlotBytes;
      auto slot = log::decode_manifest_slot(BytesView(bytes).subspan(at)).value();
      change(slot);
      const auto encoded = log::encode(slot);
      std::copy(encoded.begin(), encoded.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    }
  });
}

TEST(RecoveryNames, UnbornSegmentIsSetAsideAndItsNumberUsed) {
  LogBox box;
  box.append(2).kill();
  const std::string unborn = log::to_string(log::SegmentName{2, EntryId{3}});
  box.put("wal/" + unborn, Bytes(600, std::byte{7}));
  expect_holds(box, 2);
  const RecoveryReport report = box.open().report();
  EXPECT_EQ(report.quarantined_files, std::vector{unborn});
  EXPECT_EQ(box.directory->read_file("wal/quarantine/" + unborn).value(), Bytes(600, std::byte{7}));
  EXPECT_EQ(segment_files(box.append(1).directory).back(), unborn) << "its number is used";
  expect_holds(box.close(), 3);
}

// Somebody opened the log after that and got no further.
TEST(RecoveryNames, UnbornSegmentBehindACleanCloseMeansACrash) {
  LogBox box;
  box.append(2).close();
  const std::string unborn = log::to_string(log::SegmentName{2, EntryId{3}});
  box.put("wal/" + unborn, Bytes(600, std::byte{7}));
  const RecoveryReport report = box.open().report();
  EXPECT_EQ(report.quarantined_files, std::vector{unborn});
  EXPECT_EQ(report.origin, Origin::crash);
}

TEST(RecoveryNames, NothingInQuarantineIsReplaced) {
  LogBox box;
  box.append(2).kill();
  const std::string unborn = log::to_string(log::SegmentName{2, EntryId{3}});
  for (const std::byte content : {std::byte{7}, std::byte{8}, std::byte{9}}) {
    box.put("wal/" + unborn, Bytes(600, content));
    box.open().kill();
  }
  const std::string kept = "wal/quarantine/" + unborn;
  EXPECT_EQ(box.directory->read_file(kept).value()[0], std::byte{7});
  EXPECT_EQ(box.directory->read_file(kept + ".2").value()[0], std::byte{8});
  EXPECT_EQ(box.directory->read_file(kept + ".3").value()[0], std::byte{9});
}

TEST(RecoveryNames, TwoFilesWithoutAHeaderAreRefused) {
  LogBox box;
  box.append(2).kill();
  box.put("wal/" + log::to_string(log::SegmentName{2, EntryId{3}}), Bytes(600));
  box.put("wal/" + log::to_string(log::SegmentName{3, EntryId{3}}), Bytes(600));
  expect_refused(box, Errc::corrupt);
}

TEST(RecoveryNames, HeaderOfANamedSegmentIsDamageAndNotUnborn) {
  LogBox box;
  box.append(2).kill();
  box.flip(box.newest(), 100);
  const Error error = expect_refused(box, Errc::corrupt);
  EXPECT_EQ("wal/" + error.file, box.newest());
  EXPECT_EQ(error.lost, (EntryIdRange{EntryId{1}, EntryId{2}}));
}

TEST(RecoveryNames, LeftoversAreSweptAndForeignFilesLeftAlone) {
  LogBox box;
  box.append(2).kill();
  const std::string leftover = log::to_string(log::SegmentName{2, EntryId{3}}) + ".tmp";
  box.put("wal/" + leftover, Bytes(9));
  box.put("wal/notes.txt", Bytes(5, std::byte{'x'}));
  box.put("wal/1.wal", Bytes(5));
  const RecoveryReport report = box.open().report();
  EXPECT_EQ(report.swept_files, std::vector{leftover});
  EXPECT_EQ(report.foreign_files, (std::vector<std::string>{"1.wal", "notes.txt"}));
  EXPECT_THAT(box.directory->read_file("wal/" + leftover), HasErrc(Errc::not_found));
  EXPECT_EQ(box.directory->read_file("wal/notes.txt").value(), Bytes(5, std::byte{'x'}));
  expect_holds(box.append(1).close(), 3);
}

TEST(RecoveryManifest, OneBadSlotIsAWarning) {
  for (const std::uint64_t byte : {std::uint64_t{40}, std::uint64_t{4096 + 40}}) {
    LogBox box;
    box.append(2).close().flip("wal/MANIFEST", byte);
    const RecoveryReport report = box.open().report();
    ASSERT_EQ(report.warnings.size(), 1u);
    EXPECT_EQ(report.warnings[0].file, "MANIFEST");
    EXPECT_EQ(report.warnings[0].offset, byte - 40);
    EXPECT_TRUE(box.append(1).close().open().report().warnings.empty()) << "written anew";
    expect_holds(box.close(), 3);
  }
}

TEST(RecoveryManifest, BothSlotsBadIsReadAndNotWritten) {
  LogBox box;
  box.append(2).kill();
  box.flip("wal/MANIFEST", 40);
  box.flip("wal/MANIFEST", 4096 + 40);
  EXPECT_EQ(expect_refused(box, Errc::corrupt).file, "MANIFEST");
  expect_holds(box, 2);
}

TEST(RecoveryManifest, MissingIsReadAndNotWritten) {
  LogBox box;
  box.append(2).kill();
  box.remove("wal/MANIFEST");
  EXPECT_EQ(expect_refused(box, Errc::corrupt).file, "MANIFEST");
  const auto summary =
      Reader::open(box.directory).value().replay_each(ReplayMode::strict, [](auto&) {});
  ASSERT_THAT(summary, IsOk());
  EXPECT_EQ(summary->warnings.size(), 1u);
  EXPECT_EQ(summary->entry_count, 2u);
}

TEST(RecoveryManifest, OlderGenerationProvesLessAndHarmsNothing) {
  LogBox box({.segment_bytes = 4096});
  const Bytes older = box.append(1).close().directory->read_file("wal/MANIFEST").value();
  box.open().append(100).kill();
  box.put("wal/MANIFEST", older);
  EXPECT_EQ(box.open().report().origin, Origin::crash);
  EXPECT_EQ(box.last(), 101u);
  expect_holds(box.append(1).close(), 102);
  EXPECT_EQ(box.open().report().origin, Origin::clean_close);
}

TEST(RecoveryManifest, NewerThanTheSegmentsIsCorrupt) {
  LogBox box;
  const Image older = box.append(1).kill().image();
  const Bytes newer = box.open().append(1).close().directory->read_file("wal/MANIFEST").value();
  box.remove(box.newest());
  EXPECT_THAT(read_all(box.directory), HasErrc(Errc::corrupt));
  EXPECT_EQ(expect_refused(box, Errc::corrupt).lost.last, EntryId{2});
}

TEST(RecoveryManifest, NeitherMakesANewLogOfForeignFiles) {
  LogBox box;
  box.append(2).kill();
  box.remove("wal/MANIFEST");
  box.remove(box.newest());
  EXPECT_EQ(expect_refused(box, Errc::corrupt).lost, (EntryIdRange{EntryId{1}, EntryId{2}}))
      << "LOCK says that there were two";
  box.remove("wal/LOCK");
  EXPECT_EQ(box.open().report().origin, Origin::created);
}

TEST(RecoveryLock, WithoutARecordIsNoEvidenceAndNoError) {
  const std::vector<Bytes> contents = {
      {}, Bytes(40), Bytes(512), Bytes(512, std::byte{0xEE}), Bytes(5000)};
  for (const Bytes& content : contents) {
    LogBox box;
    box.append(1).flush(2).append(1).kill();
    box.put("wal/LOCK", content);
    EXPECT_EQ(box.open().report().entries.last, EntryId{4});
    EXPECT_EQ(box.report().rewritten, (EntryIdRange{EntryId{2}, EntryId{4}}));
    expect_holds(box.close(), 4);
  }
}

TEST(RecoveryLock, EveryFlippedByteIsNoEvidenceAndNoError) {
  LogBox box;
  box.append(3).kill();
  for (std::uint64_t byte = 0; byte < log::kLockRecordBytes; ++byte) {
    LogBox copy;
    copy.kill().directory = box.directory->clone();
    copy.flip("wal/LOCK", byte);
    EXPECT_EQ(copy.open().last(), 3u);
  }
}

TEST(RecoveryLock, MissingIsNoEvidenceAndNoError) {
  LogBox box;
  box.append(3).kill();
  box.remove("wal/LOCK");
  expect_holds(box, 3);
  expect_holds(box.open().append(1).close(), 4);
}

TEST(RecoveryLock, OfAnotherLogIsNoEvidence) {
  LogBox box, other({}, {.seed = 99});
  other.append(100).close();
  box.append(2).kill();
  box.put("wal/LOCK", other.directory->read_file("wal/LOCK").value());
  EXPECT_EQ(box.open().last(), 2u);
  box.kill();
  box.put("wal/LOCK", other.directory->read_file("wal/LOCK").value());
  box.remove("wal/MANIFEST");
  expect_holds(box, 2);
}

TEST(RecoveryLock, OfAnotherLogDoesNotMoveTheEpoch) {
  LogBox box;
  box.append(2).kill();
  log::LockRecord record = lock_of(box);
  record.epoch = ~std::uint64_t{0};
  record.log[0] ^= std::byte{1};
  put_lock(box, record);
  box.open().append(1);
  EXPECT_EQ(lock_of(box).epoch, 2u);
  expect_holds(box.close(), 3);
}

TEST(RecoveryLock, ThatSaysMoreIsCorruptWithTheIds) {
  LogBox box;
  box.append(3).kill();
  log::LockRecord record = lock_of(box);
  record.durable_through = EntryId{7};
  put_lock(box, record);
  EXPECT_EQ(expect_refused(box, Errc::corrupt).lost, (EntryIdRange{EntryId{4}, EntryId{7}}));
  EXPECT_THAT(read_all(box.directory, ReplayMode::best_effort), HasErrc(Errc::corrupt));
}

TEST(RecoveryFloor, AboveTheLastIsCorruptWithTheIds) {
  LogBox box;
  box.append(3).close();
  box.options.expect_durable_through = EntryId{3};
  box.open().kill();
  box.options.expect_durable_through = EntryId{5};
  EXPECT_EQ(expect_refused(box, Errc::corrupt).lost, (EntryIdRange{EntryId{4}, EntryId{5}}));
}

TEST(RecoveryFloor, AboveZeroCreatesNothing) {
  LogBox box;
  box.kill();
  box.options.expect_durable_through = EntryId{1};
  expect_refused(box, Errc::corrupt);  // a log that was born and never written
  for (const std::string& file : box.directory->list_files()) box.remove(file);
  expect_refused(box, Errc::corrupt);  // an empty folder
  EXPECT_TRUE(box.directory->list_files().empty());
  box.directory = CrashDirectory::create();
  expect_refused(box, Errc::corrupt);  // no folder
  EXPECT_THAT(box.directory->list(), IsOkAndHolds(::testing::IsEmpty()));
}

TEST(RecoveryFloor, TurnsATornTailIntoLostData) {
  LogBox box;
  const std::string file = box.append(2).newest();
  box.kill();
  box.remove("wal/LOCK");
  const auto frame = read_segment(*box.home(), file.substr(4)).frames.back();
  box.change(file, [&](Bytes& b) { b.resize(frame.offset); });
  LogBox twin;
  twin.kill().directory = box.directory->clone();
  EXPECT_EQ(twin.open().last(), 1u) << "without a floor nobody can tell";
  box.options.expect_durable_through = EntryId{2};
  box.put("wal/LOCK", {});
  EXPECT_EQ(expect_refused(box, Errc::corrupt).lost, (EntryIdRange{EntryId{2}, EntryId{2}}));
}

// Each damage alone; the twin without it opens.
TEST(RecoveryRefusal, ChangesNoByteWhateverItsReason) {
  const LogBox whole = [] {
    LogBox box = three_segments();
    box.kill();
    return box;
  }();
  const std::vector<std::function<void(LogBox&)>> damages = {
      [](LogBox& b) { b.remove(b.segment(0)); },
      [](LogBox& b) { b.remove(b.segment(1)); },
      [](LogBox& b) { b.remove(b.segment(2)); },
      [](LogBox& b) { b.flip(b.segment(1), 200); },
      [](LogBox& b) { b.flip(b.segment(2), 200); },
      [](LogBox& b) { b.flip(b.segment(2), 530); },
      [](LogBox& b) { b.directory->swap_files(b.segment(1), b.segment(2)).value(); },
      [](LogBox& b) { change_slots(b, [](log::ManifestSlot& s) { s.log[3] ^= std::byte{1}; }); },
      [](LogBox& b) { change_slots(b, [](log::ManifestSlot& s) { s.last_salt ^= 1; }); },
      [](LogBox& b) {
        change_slots(b, [](log::ManifestSlot& s) {
          s.first_segment = s.last_segment;  // the first two removed, and another life's salt
          s.begins_after = s.last_segment_first - 1;
          s.first_salt = s.last_salt ^ 1;
        });
      },
      [](LogBox& b) {
        const auto name = log::parse_segment_name(b.segment(2).substr(4)).value();
        b.put("wal/" + log::to_string(log::SegmentName{name.number, name.first + 1}),
              b.directory->read_file(b.segment(2)).value());
        b.remove(b.segment(2));
      },
      [](LogBox& b) { b.options.expect_durable_through = EntryId{1000}; },
      [](LogBox& b) {
        b.put("wal/" + log::to_string(log::SegmentName{2, EntryId{9}}), Bytes(99));
      }};
  for (std::size_t i = 0; i < damages.size(); ++i) {
    SCOPED_TRACE("damage " + std::to_string(i));
    LogBox box = LogBox(whole.options);
    box.kill().directory = whole.directory->clone();
    box.put("wal/leftover.tmp", Bytes(3));
    damages[i](box);
    expect_refused(box, Errc::corrupt);
  }
  LogBox twin(whole.options);
  twin.kill().directory = whole.directory->clone();
  EXPECT_THAT(twin.try_open(), IsOk());
}

}  // namespace
}  // namespace walkit
