// Strict and best-effort replay: what each gives, where it stops, and what it says of the place.

#include <stdexcept>

#include "log/frames_by_hand.hpp"
#include "log/log_box.hpp"

namespace walkit {
namespace {

using End = ReplaySummary::End;

constexpr ReplayMode kModes[] = {ReplayMode::strict, ReplayMode::best_effort};

struct Seen {
  std::vector<std::uint64_t> ids{};
  Result<ReplaySummary> summary{};
};
using Ids = std::vector<std::uint64_t>;

Reader reader_of(const LogBox& box, ReadOptions options = {}) {
  return Reader::open(box.directory, std::move(options)).value();
}

Seen replay(const LogBox& box, ReplayMode mode, ReadOptions options = {}) {
  Seen seen;
  seen.summary = reader_of(box, std::move(options)).replay_each(mode, [&](auto& record) {
    seen.ids.push_back(record.entry_id.value);
  });
  return seen;
}

Seen range(const LogBox& box, std::uint64_t first, std::uint64_t last,
           ReplayMode mode = ReplayMode::strict, ReadOptions options = {}) {
  Seen seen;
  seen.summary = reader_of(box, std::move(options))
                     .replay_range({EntryId{first}, EntryId{last}}, mode, [&](auto& record) {
                       seen.ids.push_back(record.entry_id.value);
                     });
  return seen;
}

Ids ids(std::uint64_t first, std::uint64_t last) {
  Ids all;
  for (; first <= last; ++first) all.push_back(first);
  return all;
}

/// A killed log of one segment: two durable entries and one that was only flushed, with its place.
struct Torn {
  Torn() {
    file = box.append(2).flush(1).newest();
    frames = read_segment(*box.home(), file.substr(4)).frames;
    box.kill();
  }
  LogBox box{};
  std::string file{};
  std::vector<log::FrameHeader> frames{};
};

/// One segment by hand and what the manifest would say of it.
void lay(LogBox& box, const log::FramesByHand& segment, std::uint64_t durable = 0) {
  box.kill();
  for (const std::string& file : box.directory->list_files()) box.remove(file);
  const log::SegmentHeader& h = segment.header();
  log::ManifestSlot slot{.log = h.log,
                         .epoch = h.epoch,
                         .first_segment = h.number,
                         .last_segment = h.number,
                         .first_salt = h.salt(),
                         .last_salt = h.salt(),
                         .last_segment_first = h.first,
                         .durable_through = EntryId{durable},
                         .clean = false,
                         .begins_after = h.first - 1};
  Bytes manifest;
  for (slot.generation = 2; slot.generation < 4; ++slot.generation) {
    const auto encoded = log::encode(slot);
    manifest.insert(manifest.end(), encoded.begin(), encoded.end());
  }
  box.put("wal/MANIFEST", manifest);
  box.put("wal/" + log::to_string(log::SegmentName{h.number, h.first}), segment.bytes);
}

log::SegmentHeader byte_header(std::uint64_t first = 1) {
  log::SegmentHeader header = log::first_header();
  header.codec = CodecId{"byte"}.value;
  header.schema = 1;
  header.first = EntryId{first};
  return header;
}

/// Entries 1 and 2, a recorded loss of 3..6, entries 7 and 8.
log::FramesByHand with_loss() {
  log::FramesByHand segment(byte_header());
  segment.entries(1, 0, {"one", "two"});
  segment.add(log::control(log::FrameKind::loss, EntryId{3}, EntryId{2}),
              log::encode_loss({{EntryId{3}, EntryId{6}}, "a bad sector"}));
  return segment.entries(7, 6, {"seven", "eight"});
}

TEST(Reader, TornTailIsTheEndInBestEffortAndAnErrorInStrict) {
  Torn torn;
  torn.box.change(torn.file, [&](Bytes& b) { b.resize(torn.frames[2].offset + 70); });
  const Seen best = replay(torn.box, ReplayMode::best_effort);
  EXPECT_EQ(best.ids, ids(1, 2));
  ASSERT_THAT(best.summary, IsOk());
  EXPECT_EQ(best.summary->end, End::torn_tail);
  EXPECT_EQ(best.summary->torn_bytes, 70u);
  EXPECT_EQ(best.summary->proven_through, EntryId{2});
  const Seen strict = replay(torn.box, ReplayMode::strict);
  EXPECT_EQ(strict.ids, ids(1, 2));
  ASSERT_THAT(strict.summary, HasErrc(Errc::torn));
  EXPECT_EQ("wal/" + strict.summary.error().file, torn.file);
  EXPECT_EQ(strict.summary.error().offset, torn.frames[2].offset);
}

TEST(Reader, WholeUnprovenFrameIsGivenAndNotProven) {
  Torn whole;
  for (const ReplayMode mode : kModes) {
    const Seen seen = replay(whole.box, mode);
    EXPECT_EQ(seen.ids, ids(1, 3));
    ASSERT_THAT(seen.summary, IsOk());
    EXPECT_EQ(seen.summary->end, End::end_of_log);
    EXPECT_EQ(seen.summary->proven_through, EntryId{2});
  }
}

TEST(Reader, DamageAtOrBelowAWatermarkIsCorruptInBothModes) {
  Torn torn;
  torn.box.flip(torn.file, torn.frames[1].offset + 66);
  for (const ReplayMode mode : kModes) {
    const Seen seen = replay(torn.box, mode);
    EXPECT_EQ(seen.ids, ids(1, 1)) << "never an entry behind a hole";
    ASSERT_THAT(seen.summary, HasErrc(Errc::corrupt));
    EXPECT_EQ("wal/" + seen.summary.error().file, torn.file);
    EXPECT_EQ(seen.summary.error().offset, torn.frames[1].offset);
    EXPECT_EQ(seen.summary.error().lost, (EntryIdRange{EntryId{2}, EntryId{2}}));
  }
}

TEST(Reader, UnexplainedTailIsSuspectInPackedAndCorruptInWholeBlocks) {
  for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
    LogBox box({.layout = layout});
    const std::string file = box.append(2).newest();
    const std::uint64_t end = read_segment(*box.home(), file.substr(4)).frames.back().end();
    box.kill().change(file, [&](Bytes& b) {
      std::fill_n(b.begin() + static_cast<std::ptrdiff_t>(end), 300, std::byte{0x5A});
    });
    const Seen best = replay(box, ReplayMode::best_effort);
    if (layout == Layout::packed) {
      EXPECT_THAT(replay(box, ReplayMode::strict).summary, HasErrc(Errc::torn));
      EXPECT_EQ(best.summary.value().suspect_bytes, 300u);
    } else {
      EXPECT_THAT(replay(box, ReplayMode::strict).summary, HasErrc(Errc::corrupt));
      EXPECT_THAT(best.summary, HasErrc(Errc::corrupt));
    }
  }
}

TEST(Reader, DamageInAnOlderSegmentIsCorruptInBothModes) {
  LogBox box({.segment_bytes = 4096});
  while (segment_files(box.directory).size() < 3) box.append(1);
  const std::string file = box.segment(0);
  const auto frame = read_segment(*box.home(), file.substr(4)).frames[5];
  box.close().flip(file, frame.offset + 66);
  for (const ReplayMode mode : kModes) {
    const Seen seen = replay(box, mode);
    EXPECT_EQ(seen.ids, ids(1, 5));
    ASSERT_THAT(seen.summary, HasErrc(Errc::corrupt));
    EXPECT_EQ(seen.summary.error().offset, frame.offset);
    EXPECT_EQ(seen.summary.error().lost.first, EntryId{6});
  }
  EXPECT_THAT(box.try_open(), IsOk()) << "open looks at the newest only";
}

TEST(Reader, FrameOfANewerKindIsIncompatible) {
  LogBox box;
  log::FramesByHand segment = log::FramesByHand(byte_header()).entries(1, 0, {"one"});
  segment.add({.first = EntryId{2}, .kind = 9}, {});
  lay(box, segment);
  for (const ReplayMode mode : kModes) {
    EXPECT_THAT(replay(box, mode).summary, HasErrc(Errc::incompatible));
  }
  EXPECT_THAT(box.try_open(), HasErrc(Errc::incompatible));
}

TEST(Reader, CallbackMayAnswerNothingAStepOrAStatus) {
  LogBox box;
  const auto reader = reader_of(box.append(5));
  const auto strict = ReplayMode::strict;
  EXPECT_EQ(reader.replay_each(strict, [](const auto&) {}).value().entry_count, 5u);
  const auto stopped = reader.replay_each(strict, [](const auto& record) {
    return record.entry_id == EntryId{3} ? Step::stop : Step::next;
  });
  EXPECT_EQ(stopped.value().end, End::stopped);
  EXPECT_EQ(stopped.value().entries, (EntryIdRange{EntryId{1}, EntryId{3}}));
  EXPECT_THAT(reader.replay_each(strict,
                                 [](const auto& record) -> Status {
                                   if (record.entry_id < EntryId{4}) return {};
                                   return Error{.code = Errc::not_supported, .message = "mine"};
                                 }),
              HasErrc(Errc::not_supported));
}

TEST(Reader, WhatTheCallbackThrowsPassesThrough) {
  LogBox box;
  const auto reader = reader_of(box.append(2));
  EXPECT_THROW(
      reader.replay_each(ReplayMode::strict, [](const auto&) { throw std::runtime_error("mine"); })
          .ignore(""),
      std::runtime_error);
  EXPECT_THROW(reader.replay_each(ReplayMode::strict, [](const auto&) { throw std::bad_alloc(); })
                   .ignore(""),
               std::bad_alloc);
}

TEST(Reader, RangesGiveExactlyTheirEntries) {
  LogBox box({.segment_bytes = 4096});
  while (segment_files(box.directory).size() < 3) box.append(1);
  const std::uint64_t last = box.append(3).last();
  for (std::uint64_t first = 1; first <= last; first += 7) {
    const Seen seen = range(box, first, std::min(first + 30, last));
    EXPECT_EQ(seen.ids, ids(first, std::min(first + 30, last)));
    EXPECT_EQ(seen.summary.value().end, End::reached_last);
  }
  EXPECT_EQ(range(box, 0, 2).ids, ids(1, 2)) << "no entry: from the oldest";
}

TEST(Reader, EmptyRangeGivesNothing) {
  LogBox box;
  box.append(5);
  for (const auto& [first, last] : {std::pair{1, 0}, {5, 4}, {3, 1}, {9, 8}, {0, 0}}) {
    const Seen seen =
        range(box, static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(last));
    EXPECT_TRUE(seen.ids.empty()) << first << ".." << last;
    EXPECT_EQ(seen.summary.value().entry_count, 0u);
  }
}

TEST(Reader, BeyondTheEndIsNotFound) {
  LogBox box;
  box.append(5);
  const ReadOptions flushed{.visibility = Durability::flushed};
  for (int lives = 0; lives < 2; ++lives) {
    EXPECT_THAT(range(box, 1, 6).summary, HasErrc(Errc::not_found));
    EXPECT_THAT(range(box, 6, 7, ReplayMode::best_effort).summary, HasErrc(Errc::not_found));
    EXPECT_THAT(range(box, 1, 6, ReplayMode::strict, flushed).summary, HasErrc(Errc::not_found));
    EXPECT_EQ(range(box, 1, 5, ReplayMode::strict, flushed).ids, ids(1, 5));
    box.kill();
  }
}

TEST(Reader, DamageBehindTheLastIsNotLookedAt) {
  Torn torn;
  torn.box.flip(torn.file, torn.frames[1].offset + 66);
  for (const ReplayMode mode : kModes) {
    const auto summary = reader_of(torn.box).replay_until(EntryId{1}, mode, [](auto&) {});
    EXPECT_EQ(summary.value().end, End::reached_last);
    EXPECT_THAT(reader_of(torn.box).replay_until(EntryId{2}, mode, [](auto&) {}),
                HasErrc(Errc::corrupt));
  }
}

TEST(Reader, BelowTheOldestIsAGap) {
  LogBox box;
  lay(box, log::FramesByHand(byte_header(100)).entries(100, 99, {"a", "b", "c"}), 102);
  const Seen seen = range(box, 40, 101);
  EXPECT_TRUE(seen.ids.empty());
  ASSERT_THAT(seen.summary, HasErrc(Errc::gap));
  EXPECT_EQ(seen.summary.error().lost, (EntryIdRange{EntryId{40}, EntryId{99}}));
  EXPECT_EQ(range(box, 100, 101).ids, ids(100, 101));
  EXPECT_EQ(replay(box, ReplayMode::strict).ids, ids(100, 102));
  EXPECT_EQ(box.open().report().entries, (EntryIdRange{EntryId{100}, EntryId{102}}));
}

TEST(Reader, RecordedLossIsRefusedAcceptedOrListed) {
  LogBox box;
  lay(box, with_loss());
  const Seen strict = replay(box, ReplayMode::strict);
  EXPECT_EQ(strict.ids, ids(1, 2));
  ASSERT_THAT(strict.summary, HasErrc(Errc::corrupt));
  EXPECT_EQ(strict.summary.error().lost, (EntryIdRange{EntryId{3}, EntryId{6}}));
  const ReadOptions accept{.recorded_loss = RecordedLoss::accept};
  for (const Seen& seen :
       {replay(box, ReplayMode::strict, accept), replay(box, ReplayMode::best_effort)}) {
    EXPECT_EQ(seen.ids, (Ids{1, 2, 7, 8}));
    ASSERT_EQ(seen.summary.value().gaps.size(), 1u);
    EXPECT_EQ(seen.summary->gaps[0].lost, (EntryIdRange{EntryId{3}, EntryId{6}}));
    EXPECT_EQ(seen.summary->entry_count, 4u);
  }
}

TEST(Reader, RangesThatEndOrBeginInALossGiveNothingBeyondThem) {
  LogBox box;
  lay(box, with_loss());
  EXPECT_EQ(range(box, 1, 4, ReplayMode::best_effort).ids, ids(1, 2));
  EXPECT_EQ(range(box, 1, 6, ReplayMode::best_effort).ids, ids(1, 2));
  EXPECT_EQ(range(box, 4, 7, ReplayMode::best_effort).ids, ids(7, 7));
  EXPECT_EQ(range(box, 1, 2).ids, ids(1, 2)) << "the loss lies behind it";
  EXPECT_EQ(range(box, 7, 8).ids, ids(7, 8)) << "the loss lies before it";
  EXPECT_THAT(range(box, 4, 7).summary, HasErrc(Errc::corrupt));
}

TEST(Reader, LossIsMovedWithTheFramesBehindIt) {
  LogBox box;
  lay(box, with_loss());
  EXPECT_EQ(box.open().report().entries.last, EntryId{8});
  EXPECT_EQ(box.report().rewritten, (EntryIdRange{EntryId{7}, EntryId{8}}));
  box.close();
  EXPECT_EQ(replay(box, ReplayMode::best_effort).ids, (Ids{1, 2, 7, 8}));
}

struct Refusing {
  static constexpr CodecId id{"byte"};
  Status encode(const int&, ByteSink&) const { return {}; }
  Result<int> decode(BytesView in) const {
    if (in.size() < text_of(10).size()) return 1;
    return Error{.code = Errc::decode, .message = "not mine"};
  }
};

TEST(Reader, DecodeErrorNamesEntryFileAndOffset) {
  LogBox box;
  const std::string file = box.append(12).newest();
  const auto answer = WalReader<int, Refusing>::open(box.directory).value().replay();
  ASSERT_THAT(answer, HasErrc(Errc::decode));
  EXPECT_NE(answer.error().message.find("entry 10"), std::string::npos);
  EXPECT_EQ("wal/" + answer.error().file, file);
  EXPECT_EQ(answer.error().offset, read_segment(*box.home(), file.substr(4)).frames[9].offset);
}

TEST(Reader, FrameOverTheReadersCapIsTooLargeAndNeverTheEnd) {
  for (const bool proven : {true, false}) {
    LogBox box;
    box.append(2);
    ASSERT_THAT(box.wal->append(std::string(5000, 'x')), IsOk());
    ASSERT_THAT(proven ? box.wal->sync() : box.wal->flush(), IsOk());
    box.kill();
    for (const ReplayMode mode : kModes) {
      EXPECT_THAT(replay(box, mode, {.frame_bytes_max = 4096}).summary, HasErrc(Errc::too_large));
      EXPECT_EQ(replay(box, mode, {.frame_bytes_max = 5200}).ids, ids(1, 3));
    }
  }
}

}  // namespace
}  // namespace walkit
