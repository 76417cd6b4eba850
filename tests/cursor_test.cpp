// Cursors: the same as replay, pulled by the caller.

#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"

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
