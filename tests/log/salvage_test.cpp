// What salvage takes from a folder, and above all what it does not take.

#include <random>

#include "log/log_box.hpp"
#include "log/salvage_scanner.hpp"
#include "seed.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {
namespace {

using Texts = std::map<std::uint64_t, std::string>;

// What a scanner gives of a log, and what it tells.
struct Found {
  Texts texts{};
  std::vector<Error> gaps{}, damage{};
};

Found scan(Directory& home, log::SalvageScanner::Limits limits = {}) {
  log::SalvageScanner scanner(home, log::find_sources(home, {}).value(), limits);
  Found found;
  for (auto piece = scanner.next().value(); piece; piece = scanner.next().value()) {
    log::PayloadCursor cursor(piece->frame.entries);
    for (EntryId id = piece->frame.header.first; id <= piece->frame.header.last(); ++id) {
      EXPECT_TRUE(found.texts.empty() || found.texts.rbegin()->first < id.value);
      found.texts[id.value] = as_text(cursor.next().value());
    }
  }
  found.gaps = scanner.gaps();
  found.damage = scanner.damage();
  return found;
}
Found scan(const LogBox& box) { return scan(*box.home()); }

Texts texts_but(std::uint64_t count, EntryIdRange lost) {
  Texts texts;
  for (std::uint64_t n = 1; n <= count; ++n) {
    if (!lost.contains(EntryId{n})) texts[n] = text_of(n);
  }
  return texts;
}

std::uint64_t offset_of(const LogBox& box, const std::string& path, EntryId id) {
  for (const auto& frame : read_segment(*box.home(), path.substr(4)).frames) {
    if (frame.is(log::FrameKind::entries) && frame.first == id) return frame.offset;
  }
  ADD_FAILURE() << "no frame of " << id << " in " << path;
  return 0;
}

/// Three closed lives of three entries, a segment each.
LogBox three_segments() {
  LogBox box;
  box.append(3).close().open().append(3).close().open().append(3).close();
  return box;
}

void expect_gap(const Found& found, EntryIdRange lost, const std::string& file) {
  ASSERT_EQ(found.gaps.size(), 1u);
  EXPECT_EQ(found.gaps[0].lost, lost);
  EXPECT_EQ("wal/" + found.gaps[0].file, file);
  EXPECT_EQ(found.gaps[0].code, Errc::corrupt);
  EXPECT_FALSE(found.gaps[0].message.empty());
}

TEST(Salvage, FlippedByteCostsItsFrameOnly) {
  LogBox box = three_segments();
  const std::uint64_t offset = offset_of(box, box.segment(1), EntryId{5});
  box.flip(box.segment(1), offset + 70);
  const Found found = scan(box);
  EXPECT_EQ(found.texts, texts_but(9, {EntryId{5}, EntryId{5}}));
  expect_gap(found, {EntryId{5}, EntryId{5}}, box.segment(1));
  EXPECT_EQ(found.gaps[0].offset, offset);
}

TEST(Salvage, MissingSegmentIsAGapWithItsIds) {
  LogBox box = three_segments();
  const std::string successor = box.segment(2);
  box.remove(box.segment(1));
  const Found found = scan(box);
  EXPECT_EQ(found.texts, texts_but(9, {EntryId{4}, EntryId{6}}));
  expect_gap(found, {EntryId{4}, EntryId{6}}, successor);
}

TEST(Salvage, FirstAndLastSegmentMissingAreGaps) {
  LogBox first = three_segments();
  first.remove(first.segment(0));
  EXPECT_EQ(scan(first).texts, texts_but(9, {EntryId{1}, EntryId{3}}));
  LogBox last = three_segments();
  last.remove(last.segment(2));
  const Found found = scan(last);
  EXPECT_EQ(found.texts, texts_but(9, {EntryId{7}, EntryId{9}}));
  expect_gap(found, {EntryId{7}, EntryId{9}}, "wal/MANIFEST");
}

TEST(Salvage, SegmentOfAnotherLogIsNamedAndNotTaken) {
  LogBox box = three_segments(), other = three_segments();
  other.directory = CrashDirectory::create({.seed = 99});
  other.open().append(3).close().open().append(4).close();
  box.put(box.segment(1), other.directory->read_file(other.segment(1)).value());
  const Found found = scan(box);
  EXPECT_EQ(found.texts, texts_but(9, {EntryId{4}, EntryId{6}}));
  bool named = false;
  for (const Error& error : found.damage) {
    named = named || ("wal/" + error.file == box.segment(1) &&
                      error.message.find("another log") != std::string::npos);
  }
  EXPECT_TRUE(named);
}

TEST(Salvage, CopyUnderAnotherNameGivesNothingTwice) {
  LogBox box = three_segments();
  box.put("wal/00000000000000000007-00000000000000000010.wal",
          box.directory->read_file(box.segment(1)).value());
  const Found found = scan(box);
  EXPECT_EQ(found.texts, texts_but(9, {}));
  EXPECT_TRUE(found.gaps.empty());
  EXPECT_FALSE(found.damage.empty());
}

TEST(Salvage, TornTailIsNoGap) {
  LogBox box;
  box.append(3).flush(1).kill();
  const std::uint64_t offset = offset_of(box, box.newest(), EntryId{4});
  box.change(box.newest(), [&](Bytes& bytes) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(offset) + 40, bytes.end(), std::byte{0});
  });
  const Found found = scan(box);
  EXPECT_EQ(found.texts, texts_but(3, {}));
  EXPECT_TRUE(found.gaps.empty());
}

// What is known to have been durable stands in frames behind the hole only.
TEST(Salvage, HoleThatLaterFramesProveIsAGapAndAllBehindItComesBack) {
  LogBox box;
  box.append(1).append(1).append(1).append(1).kill();
  box.put("wal/LOCK", Bytes(512));
  const std::uint64_t offset = offset_of(box, box.newest(), EntryId{2});
  box.flip(box.newest(), offset + 66);
  const Found found = scan(box);
  EXPECT_EQ(found.texts, texts_but(4, {EntryId{2}, EntryId{2}}));
  expect_gap(found, {EntryId{2}, EntryId{2}}, box.newest());
}

TEST(Salvage, HoleThatNothingProvesEndsTheLog) {
  LogBox box;
  box.append(2).flush(2).kill();
  box.put("wal/LOCK", Bytes(512));
  box.flip(box.newest(), offset_of(box, box.newest(), EntryId{3}) + 66);
  const Found found = scan(box);
  EXPECT_EQ(found.texts, texts_but(2, {}));
  EXPECT_TRUE(found.gaps.empty());
}

// Entries 4 to 6 were flushed, not synced; 5 is damaged before the next life, which takes 4 with it
// and gives 5 and 6 to others. What reads behind the hole in the old tail is nobody's any more.
LogBox log_with_a_dead_tail() {
  LogBox box;
  box.append(3).flush(3).kill();
  box.flip(box.newest(), offset_of(box, box.newest(), EntryId{5}) + 66);
  box.put("wal/LOCK", Bytes(512));
  box.open();
  EXPECT_EQ(box.last(), 4u);
  for (const char* text : {"another 5", "another 6", "another 7"}) {
    EXPECT_THAT(box.wal->append(text), IsOk());
  }
  box.close();
  return box;
}

TEST(Salvage, TailThatWasWrittenAgainIsNeverGiven) {
  LogBox whole = log_with_a_dead_tail();
  EXPECT_EQ(scan(whole).texts[6], "another 6");
  // Its successor is gone, then unreadable, then without MANIFEST too.
  LogBox box = log_with_a_dead_tail();
  const std::string successor = box.segment(1);
  const Bytes bytes = box.directory->read_file(successor).value();
  box.put(successor, Bytes(bytes.size()));
  EXPECT_EQ(scan(box).texts.count(6), 0u);
  box.remove(successor);
  EXPECT_EQ(scan(box).texts.count(6), 0u);
  box.remove("wal/MANIFEST");
  EXPECT_EQ(scan(box).texts.count(6), 0u);
  EXPECT_EQ(scan(box).texts.count(3), 1u);
}

TEST(Salvage, HeaderOfTheOnlySegmentGoneIsFoundByItsFrames) {
  for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
    LogBox box({.layout = layout});
    box.append(3).close();
    EXPECT_THAT(box.directory->zero_sector(box.segment(0), 0), IsOk());
    EXPECT_EQ(scan(box).texts, texts_but(3, {}));
    // With MANIFEST gone too, LOCK still tells the log and the epoch.
    box.remove("wal/MANIFEST");
    EXPECT_EQ(scan(box).texts, texts_but(3, {}));
    // Without any of them no frame can be proven to be one.
    box.remove("wal/LOCK");
    EXPECT_TRUE(scan(box).texts.empty());
  }
}

TEST(Salvage, RecordedLossIsAGapWithItsCause) {
  LogBox box = three_segments();
  box.flip(box.segment(1), offset_of(box, box.segment(1), EntryId{5}) + 70);
  const auto care = WalMaintenance::open(box.directory).value();
  const auto plan = care.plan_repair().value();
  ASSERT_THAT(care.apply(plan, plan.lost), IsOk());
  const Found found = scan(box);
  EXPECT_EQ(found.texts, texts_but(9, {EntryId{5}, EntryId{5}}));
  ASSERT_EQ(found.gaps.size(), 1u);
  EXPECT_TRUE(found.gaps[0].message.starts_with("a recorded loss: a frame's body"));
  EXPECT_TRUE(found.damage.empty());
}

TEST(Salvage, FrameAboveTheReadersCapIsAGapThatSaysSo) {
  LogBox box;
  box.append(1);
  EXPECT_THAT(box.wal->append(std::string(5000, 'x')), IsOk());
  EXPECT_THAT(box.wal->flush(), IsOk());
  box.append(1).close();
  const Found found = scan(*box.home(), {.frame_bytes_max = 4096});
  EXPECT_EQ(found.texts.count(2), 0u);
  EXPECT_EQ(found.texts.count(3), 1u);
  ASSERT_EQ(found.gaps.size(), 1u);
  EXPECT_NE(found.gaps[0].message.find("frame_bytes_max"), std::string::npos);
}

TEST(Salvage, BesideAWriterItEndsAtWhatIsDurable) {
  LogBox box;
  box.append(3).flush(2);
  const auto target = MemoryDirectory::create();
  const auto report = WalMaintenance::open(box.directory).value().salvage(target);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->entries, (EntryIdRange{EntryId{1}, EntryId{3}}));
  EXPECT_TRUE(report->losses.empty());
  EXPECT_THAT(read_all(target), IsOkAndHolds(texts_through(3)));
}

// A writer that rotated since its durable id was read.
TEST(Salvage, NothingBehindTheEndIsJudged) {
  LogBox box = three_segments();
  box.remove(box.segment(2));
  for (std::uint64_t end = 1; end <= 6; ++end) {
    const Found found = scan(*box.home(), {.end = EntryId{end}});
    EXPECT_EQ(found.texts, texts_but(end, {}));
    EXPECT_TRUE(found.gaps.empty()) << found.gaps.front();
    EXPECT_TRUE(found.damage.empty()) << found.damage.front();
  }
  box.remove(box.segment(1));
  box.put(box.segment(0).substr(0, 4) + "00000000000000000003-00000000000000000007.wal",
          Bytes(600));
  const Found found = scan(*box.home(), {.end = EntryId{5}});
  ASSERT_EQ(found.gaps.size(), 1u);
  EXPECT_EQ(found.gaps[0].lost, (EntryIdRange{EntryId{4}, EntryId{5}}));
}

TEST(Salvage, CopyKeepsIdsTimesAndTypeAndGoesOn) {
  LogBox box = three_segments();
  const auto target = CrashDirectory::create({.seed = 99});
  ASSERT_THAT(WalMaintenance::open(box.directory).value().salvage(target), IsOk());
  const auto home = target->subdirectory("wal", OpenMode::read).value();
  const auto copies = segment_files(target);
  ASSERT_EQ(copies.size(), 3u);
  const auto before = read_segment(*box.home(), box.segment(1).substr(4));
  const auto after = read_segment(*home, copies[1]);
  EXPECT_EQ(after.frames[0].first, EntryId{4});
  EXPECT_EQ(after.frames[0].time_ns, before.frames[0].time_ns);
  EXPECT_EQ(after.header.codec, before.header.codec);
  EXPECT_NE(after.header.log, before.header.log);
  EXPECT_THAT(WalMaintenance::open(box.directory).value().salvage(target),
              HasErrc(Errc::already_exists));
  expect_recovers(target->crash(Crash::power_cut), texts_through(9), 9);
}

TEST(Salvage, RandomBytesAnywhereAreNoCrashAndNoLie) {
  const std::uint64_t seed = from_environment("WALKIT_SEED", 3);
  SCOPED_TRACE("WALKIT_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const LogBox origin = three_segments();
  for (int round = 0; round < 300; ++round) {
    const auto copy = origin.directory->clone();
    for (const std::string& path : copy->list_files()) {
      Bytes bytes = copy->read_file(path).value();
      for (auto n = random() % 6; n > 0 && !bytes.empty(); --n) {
        const std::size_t begin = random() % bytes.size();
        const std::size_t end = std::min<std::size_t>(bytes.size(), begin + random() % 600);
        for (std::size_t i = begin; i < end; ++i) bytes[i] = static_cast<std::byte>(random());
      }
      ASSERT_THAT(copy->overwrite_file(path, bytes), IsOk());
    }
    const auto home = copy->subdirectory("wal", OpenMode::read).value();
    for (const auto& [id, text] : scan(*home).texts) EXPECT_EQ(text, text_of(id)) << round;
  }
}

}  // namespace
}  // namespace walkit
