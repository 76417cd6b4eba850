// Cursors: the same as replay, pulled by the caller.

#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {
namespace {

using Views = WalReader<BytesView, BytesCodec>;
static_assert(std::input_iterator<Reader::Cursor::Iterator>);
static_assert(std::ranges::input_range<Reader::Cursor>);
static_assert(std::is_base_of_v<Reader::Cursor, Reader::Follower>);

/// A log of many segments, the last one torn if wanted.
LogBox some_log(std::uint64_t entries) {
  LogBox box({.segment_bytes = 4096, .preallocation = Preallocation::none});
  box.append(entries);
  return box;
}

TEST(Cursor, GivesWhatReplayGives) {
  LogBox box = some_log(150);
  const Reader reader = Reader::open(box.directory).value();
  const auto all = reader.replay().value();
  for (const std::uint64_t from : {0u, 1u, 2u, 75u, 150u, 151u}) {
    std::vector<WalRecord<std::string>> seen;
    for (auto& record : reader.cursor(EntryId{from})) seen.push_back(std::move(record.value()));
    const std::size_t skipped = from == 0 ? 0 : from - 1;
    EXPECT_TRUE(std::equal(seen.begin(), seen.end(),
                           all.begin() + static_cast<std::ptrdiff_t>(skipped), all.end()))
        << from;
  }
}

TEST(Cursor, OutlivesItsReaderAndEndsOnce) {
  LogBox box = some_log(3);
  auto cursor = Reader::open(box.directory).value().cursor();
  std::uint64_t count = 0;
  for (auto& record : cursor) count += record.has_value();
  EXPECT_EQ(count, 3u);
  EXPECT_TRUE(cursor.begin() == cursor.end()) << "what comes later is for another cursor";
  EXPECT_EQ(cursor.summary().end, ReplaySummary::End::end_of_log);
  EXPECT_EQ(cursor.summary().entry_count, 3u);
}

TEST(Cursor, GoesOnWhereALoopLeftIt) {
  LogBox box = some_log(5);
  auto cursor = Reader::open(box.directory).value().cursor();
  for (auto& record : cursor) {
    if (record->entry_id == EntryId{2}) break;
  }
  auto at = cursor.begin();
  EXPECT_EQ((*at)->entry_id, EntryId{2}) << "the last item stays";
  ++at;
  EXPECT_EQ((*at)->entry_id, EntryId{3});
}

TEST(Cursor, HandsOutTheErrorAndEnds) {
  LogBox box = some_log(150);
  box.close();
  box.flip(box.segment(2), 512 + 64 + 4);
  std::uint64_t good = 0;
  std::vector<Error> errors;
  for (auto& record : Reader::open(box.directory).value().cursor()) {
    if (!record) errors.push_back(record.error());
    good += record.has_value();
    EXPECT_TRUE(errors.empty() || !record) << "an entry behind a hole";
  }
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].code, Errc::corrupt);
  EXPECT_EQ(errors[0].lost.first.value, good + 1);
  EXPECT_EQ("wal/" + errors[0].file, box.segment(2));
}

TEST(Cursor, WhatOpenWouldSayIsTheFirstItem) {
  LogBox box = some_log(150);
  box.close();
  box.remove(box.segment(1));
  std::vector<Errc> codes;
  for (auto& record : Reader::open(box.directory).value().cursor()) {
    codes.push_back(record ? Errc{} : record.error().code);
  }
  EXPECT_EQ(codes, std::vector{Errc::corrupt});
}

TEST(Cursor, ATornTailIsAnErrorOnlyWhereStrict) {
  LogBox box;
  box.append(2).flush(1);
  const auto frames = read_segment(*box.home(), segment_files(box.directory)[0]).frames;
  const std::string file = box.newest();
  box.kill();
  box.change(file, [&](Bytes& bytes) {  // the last frame landed in part
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(frames[2].offset + 10), bytes.end(),
              std::byte{0});
  });
  const Reader reader = Reader::open(box.directory).value();
  auto strict = reader.cursor();
  std::vector<Errc> codes;
  for (auto& record : strict) codes.push_back(record ? Errc{} : record.error().code);
  EXPECT_EQ(codes, (std::vector{Errc{}, Errc{}, Errc::torn}));
  auto best_effort = reader.cursor({}, ReplayMode::best_effort);
  std::uint64_t good = 0;
  for (auto& record : best_effort) good += record.has_value();
  EXPECT_EQ(good, 2u);
  EXPECT_EQ(best_effort.summary().end, ReplaySummary::End::torn_tail);
  EXPECT_GT(best_effort.summary().torn_bytes, 0u);
}

/// A codec that entry 2 is not of.
struct Fussy {
  static constexpr CodecId id{"byte"};
  Status encode(const std::string&, ByteSink&) const { return {}; }
  Result<std::string> decode(BytesView bytes) const {
    if (as_text(bytes) == text_of(2)) return Error{.code = Errc::decode, .message = "not mine"};
    return std::string(as_text(bytes));
  }
};

TEST(Cursor, AnEntryThatIsNoneIsAnErrorWithItsPlace) {
  LogBox box = some_log(3);
  auto cursor = WalReader<std::string, Fussy>::open(box.directory).value().cursor();
  std::vector<Error> errors;
  for (auto& record : cursor) {
    if (!record) errors.push_back(record.error());
  }
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].code, Errc::decode);
  EXPECT_EQ(errors[0].message, "entry 2: not mine");
  EXPECT_EQ("wal/" + errors[0].file, box.newest());
  EXPECT_GT(errors[0].offset, 0u);
}

TEST(Salvage, GivesWhatReadsAndTheHolesAsValues) {
  LogBox box = some_log(150);
  box.close();
  const auto frames = read_segment(*box.home(), segment_files(box.directory)[2]).frames;
  box.flip(box.segment(2), frames[1].offset + 70);
  const std::uint64_t gone = frames[1].first.value;
  const auto reader = WalReader<std::string, Fussy>::open(box.directory).value();
  std::vector<std::uint64_t> seen;
  const auto summary = reader.replay_each(ReplayMode::salvage, [&](const auto& record) {
    seen.push_back(record.entry_id.value);
    EXPECT_EQ(record.payload, text_of(record.entry_id.value));
  });
  ASSERT_THAT(summary, IsOk());
  EXPECT_EQ(seen.size(), 148u) << "all but the damaged one and entry 2, which the codec refuses";
  ASSERT_EQ(summary->gaps.size(), 2u);
  EXPECT_EQ(summary->entry_count, 148u);
  EXPECT_EQ(summary->gaps[0].lost, (EntryIdRange{EntryId{2}, EntryId{2}})) << "in their order";
  EXPECT_EQ(summary->gaps[1].lost, (EntryIdRange{EntryId{gone}, EntryId{gone}}));
  EXPECT_EQ("wal/" + summary->gaps[1].file, box.segment(2));

  auto cursor = reader.cursor({}, ReplayMode::salvage);
  std::vector<std::uint64_t> pulled;
  for (auto& record : cursor) pulled.push_back(record.value().entry_id.value);
  EXPECT_EQ(pulled, seen);
  EXPECT_EQ(cursor.summary().gaps.size(), 2u);
}

TEST(Salvage, TellsHolesOfWhatItGaveWhenItIsStopped) {
  LogBox box = some_log(150);
  box.close();
  const auto frames = read_segment(*box.home(), segment_files(box.directory)[2]).frames;
  box.flip(box.segment(2), frames[1].offset + 70);
  const EntryId gone = frames[1].first;
  const auto summary =
      Reader::open(box.directory)
          .value()
          .replay_each(ReplayMode::salvage,
                       [&](const auto& record) {
                         return record.entry_id == gone + 3 ? Step::stop : Step::next;
                       })
          .value();
  EXPECT_EQ(summary.entry_count, gone.value + 2);
  ASSERT_EQ(summary.gaps.size(), 1u);
  EXPECT_EQ(summary.gaps[0].lost, (EntryIdRange{gone, gone}));
}

// A header that does not hold is that of a file not yet born only if MANIFEST, all of it, knows
// nothing of the file.
TEST(Reader, ABadHeaderBesideABadManifestSlotIsDamage) {
  LogBox box = some_log(150);
  const auto lock = lock_of(box);
  box.kill();
  const auto newest = log::parse_segment_name(segment_files(box.directory).back()).value();
  auto stale = lock;
  stale.durable_through = newest.first - 1;
  put_lock(box, stale);
  const std::uint64_t slot = log::read_manifest(*box.home()).value().newest()->generation % 2;
  box.flip("wal/MANIFEST", slot * log::kManifestSlotBytes + 60);
  box.change(box.newest(), [](Bytes& bytes) { std::fill_n(bytes.begin(), 100, std::byte{0}); });
  EXPECT_THAT(read_all(box.directory), HasErrc(Errc::corrupt));
  EXPECT_THAT(Wal::open(box.directory), HasErrc(Errc::corrupt));
}

TEST(Reader, NewestFirstDoesNotEndWhereARepairTookTheFiles) {
  LogBox box = some_log(150);
  box.close();
  const auto frames = read_segment(*box.home(), segment_files(box.directory)[1]).frames;
  box.flip(box.segment(1), frames[1].offset + 70);
  const Reader reader = Reader::open(box.directory).value();
  auto cursor = reader.newest_first();
  auto at = cursor.begin();
  ASSERT_EQ((*at).value().entry_id, EntryId{150});
  const auto maintenance = WalMaintenance::open(box.directory).value();
  const RepairPlan plan = maintenance.plan_repair().value();
  ASSERT_THAT(maintenance.apply(plan, plan.lost), IsOk());
  std::optional<Error> end;
  for (; at != cursor.end(); ++at) {
    if (!*at) end = (*at).error();
  }
  EXPECT_TRUE(end.has_value()) << "the oldest entry was not given, and nothing said so";
}

TEST(Salvage, IntoAVectorIsRefused) {
  LogBox box = some_log(3);
  EXPECT_THAT(Reader::open(box.directory).value().replay(ReplayMode::salvage),
              HasErrc(Errc::invalid_argument));
}

TEST(Salvage, KeepsToARange) {
  LogBox box = some_log(150);
  box.close();
  const auto frames = read_segment(*box.home(), segment_files(box.directory)[2]).frames;
  box.flip(box.segment(2), frames[1].offset + 70);
  const EntryId gone = frames[1].first;
  const Reader reader = Reader::open(box.directory).value();
  const auto count = [&](EntryId first, EntryId last) {
    const auto summary =
        reader.replay_range({first, last}, ReplayMode::salvage, [](const auto&) {}).value();
    return std::pair(summary.entry_count, summary.gaps.size());
  };
  EXPECT_EQ(count(gone - 2, gone + 2), std::pair(std::uint64_t{4}, std::size_t{1}));
  EXPECT_EQ(count(EntryId{1}, gone - 1), std::pair(gone.value - 1, std::size_t{0}));
  EXPECT_EQ(count(gone + 1, EntryId{150}), std::pair(150 - gone.value, std::size_t{0}));
}

TEST(Reader, NoLogWhereTheCallerKnowsOfOneIsDamage) {
  const auto directory = MemoryDirectory::create();
  EXPECT_THAT(Reader::open(directory), HasErrc(Errc::not_found));
  const ReadOptions knows{.expect_durable_through = EntryId{3}};
  const auto no_folder = Reader::open(directory, knows);
  ASSERT_THAT(no_folder, HasErrc(Errc::corrupt));
  EXPECT_EQ(no_folder.error().lost, (EntryIdRange{EntryId{1}, EntryId{3}}));
  directory->subdirectory("wal", OpenMode::create).value();
  EXPECT_THAT(Reader::open(directory, knows), HasErrc(Errc::corrupt));
}

TEST(Reader, GivesSingleEntriesBackwardsAndByTime) {
  LogBox box = some_log(150);
  const Reader reader = Reader::open(box.directory).value();
  for (const std::uint64_t id : {1u, 2u, 77u, 150u}) {
    EXPECT_EQ(reader.read(EntryId{id}).value().payload, text_of(id));
  }
  EXPECT_THAT(reader.read(EntryId{151}), HasErrc(Errc::not_found));
  std::uint64_t expected = 150;
  for (auto& record : reader.newest_first()) {
    EXPECT_EQ(record.value().entry_id.value, expected--);
  }
  EXPECT_EQ(expected, 0u);
  const auto time = reader.written_at(EntryId{77}).value();
  const EntryId since = reader.first_since(time).value();
  EXPECT_LE(since.value, 77u);
  EXPECT_EQ(reader.written_at(since).value(), time);
  EXPECT_THAT(reader.first_since(time + std::chrono::hours(1'000'000)), HasErrc(Errc::not_found));
  EXPECT_EQ(reader.first_since({}).value(), EntryId{1});
}

TEST(Cursor, ViewsAreNotCopied) {
  LogBox box = some_log(150);
  std::uint64_t n = 0;
  const std::byte* before = nullptr;
  std::uint64_t neighbours = 0;
  for (auto& record : Views::open(box.directory).value().cursor()) {
    EXPECT_EQ(as_text(record->payload), text_of(++n));
    const std::byte* here = record->payload.data();
    neighbours += before != nullptr && here > before && here - before < 4096;
    before = here;
  }
  EXPECT_EQ(n, 150u);
  EXPECT_GT(neighbours, 100u) << "they lie in the order of the file";
}

}  // namespace
}  // namespace walkit
