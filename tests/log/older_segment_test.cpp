// What a replay says of the segments before the newest, which open does not judge: they end where
// their successor says, in every way that it says it, and what is wrong in them is told by name.

#include <algorithm>

#include "log/log_box.hpp"
#include "walkit/io/memory_directory.hpp"

namespace walkit {
namespace {

using log::FrameKind;
using log::FramesByHand;
using log::SegmentHeader;

constexpr ReplayMode kModes[] = {ReplayMode::strict, ReplayMode::best_effort};

const std::string kOlder = log::to_string(log::SegmentName{1, EntryId{1}});

void put(Directory& home, const std::string& file, BytesView bytes) {
  home.open(file, OpenMode::create).value()->write_at(0, std::span(&bytes, 1)).value();
}

/// Segment 1 with entries 1 to 3 and segment 2 with entry 4, whose header says how segment 1 ends.
struct TwoSegments {
  TwoSegments() {
    older.entries(1, 0, {"one"}).entries(2, 1, {"two", "three"});
    ends();
  }
  /// The older one ends here, unsealed.
  TwoSegments& ends() {
    next.prev_end = older.bytes.size();
    next.prev_chain = older.chain;
    return *this;
  }
  TwoSegments& seal(FrameKind kind = FrameKind::seal) {
    ends();
    older.add(log::control(kind, EntryId{4}, EntryId{3}), Bytes(log::seal_body_bytes(0)));
    next.prev_seal_end = older.bytes.size();
    return *this;
  }
  [[nodiscard]] std::shared_ptr<Directory> laid() const {
    auto root = MemoryDirectory::create();
    const auto home = root->subdirectory("wal", OpenMode::create).value();
    put(*home, kOlder, older.bytes);
    FramesByHand newest(next);
    newest.entries(next.first.value, 3, {"four"});
    put(*home, log::to_string(log::SegmentName{2, next.first}), newest.bytes);
    return root;
  }
  [[nodiscard]] Status replayed(const ReadOptions& options = {},
                                ReplayMode mode = ReplayMode::strict) const {
    const auto reader = Reader::open(laid(), options);
    if (!reader) return reader.error();
    const auto summary = reader->replay_each(mode, [](auto&) {});
    return summary ? Status{} : Status(summary.error());
  }
  /// Both modes answer that, of the older segment.
  Error expect_told(Errc code, const ReadOptions& options = {}) const {
    Error told;
    for (const ReplayMode mode : kModes) {
      const Status answer = replayed(options, mode);
      EXPECT_THAT(answer, HasErrc(code));
      if (!answer) told = answer.error();
      EXPECT_EQ(told.file, kOlder);
    }
    return told;
  }

  FramesByHand older{};
  SegmentHeader next = [] {
    SegmentHeader header = log::first_header();
    header.number = 2;
    header.first = EntryId{4};
    header.prev_number = 1;
    header.prev_last = EntryId{3};
    return header;
  }();
};

TEST(OlderSegment, ThatEndsAsItsSuccessorSaysIsRead) {
  EXPECT_THAT(read_all(TwoSegments().laid()),
              IsOkAndHolds(std::vector<std::string>{"one", "two", "three", "four"}));
  EXPECT_THAT(TwoSegments().seal().replayed(), IsOk());
}

// What stands behind the end that counts is not judged.
TEST(OlderSegment, MayHoldMoreBehindItsEndIfItWasNeverSealed) {
  TwoSegments log;
  log.older.bytes.resize(9000, std::byte{0x5A});
  EXPECT_THAT(log.replayed(), IsOk());
}

TEST(OlderSegment, OfAnotherLengthThanItsSuccessorSaysIsCorrupt) {
  TwoSegments shorter;
  shorter.next.prev_end -= 8;
  shorter.expect_told(Errc::corrupt);
  TwoSegments longer;
  longer.next.prev_end += 8;
  longer.expect_told(Errc::corrupt);
}

TEST(OlderSegment, OfAnotherChainThanItsSuccessorSaysIsCorrupt) {
  TwoSegments log;
  log.next.prev_chain ^= 1;
  log.expect_told(Errc::corrupt);
}

TEST(OlderSegment, WithFewerEntriesThanItsSuccessorSaysIsCorruptWithTheIds) {
  TwoSegments log;
  log.next.prev_last = EntryId{6};
  log.next.first = EntryId{7};
  EXPECT_EQ(log.expect_told(Errc::corrupt).lost, (EntryIdRange{EntryId{4}, EntryId{6}}));
}

TEST(OlderSegment, WhoseSealIsNotWhatItsSuccessorSaysIsCorruptAndLosesNothing) {
  std::vector<TwoSegments> logs(5, TwoSegments().seal());
  logs[0].next.prev_seal_end += 8;
  logs[1].older.bytes.resize(logs[1].older.bytes.size() + 8);
  logs[2].older.bytes.back() ^= std::byte{1};
  logs[3] = TwoSegments().seal(FrameKind::marker);
  logs[4].older.bytes.resize(logs[4].next.prev_seal_end += 8);
  for (const TwoSegments& log : logs) {
    EXPECT_TRUE(log.expect_told(Errc::corrupt).lost.empty());
  }
}

TEST(OlderSegment, DamagedBodyIsCorruptWithItsEntriesAndAControlFramesWithAllThatFollow) {
  TwoSegments entries;
  entries.older.bytes[log::kSegmentHeaderBytes + log::kFrameHeaderBytes] ^= std::byte{1};
  EXPECT_EQ(entries.expect_told(Errc::corrupt).lost, (EntryIdRange{EntryId{1}, EntryId{1}}));
  TwoSegments marker;
  marker.older = FramesByHand();
  marker.older.entries(1, 0, {"one"});
  marker.older.add(log::control(FrameKind::marker, EntryId{2}), as_bytes("note"));
  marker.older.bytes[marker.older.last.offset + log::kFrameHeaderBytes] ^= std::byte{1};
  marker.older.entries(2, 1, {"two", "three"});
  EXPECT_EQ(marker.ends().expect_told(Errc::corrupt).lost, (EntryIdRange{EntryId{2}, EntryId{3}}));
}

TEST(OlderSegment, FrameOfANewerKindIsIncompatible) {
  TwoSegments log;
  log.older = FramesByHand();
  log.older.add({.first = EntryId{1}, .count = 3, .flags = 8}, log::body_of({"1", "2", "3"}));
  log.ends().expect_told(Errc::incompatible);
}

TEST(OlderSegment, FrameOverTheReadersCapIsTooLarge) {
  TwoSegments log;
  log.older = FramesByHand();
  log.older.entries(1, 0, {std::string(2000, 'x'), "two", "three"});
  log.ends().expect_told(Errc::too_large, {.frame_bytes_max = 1000});
  EXPECT_THAT(log.replayed({.frame_bytes_max = 2200}), IsOk());
}

TEST(OlderSegment, OfAnotherCodecIsIncompatible) {
  TwoSegments log;
  SegmentHeader header = log::first_header();
  header.codec = 1;
  log.older = FramesByHand(header);
  log.older.entries(1, 0, {"one", "two", "three"});
  log.ends().expect_told(Errc::incompatible);
}

// Its successor's header is of that log too: only MANIFEST knows better.
TEST(OlderSegment, OfAnotherLogThanTheManifestSaysIsCorrupt) {
  LogBox box({.segment_bytes = 4096});
  while (segment_files(box.directory).size() < 4) box.append(1);
  box.close();
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}}) {
    box.change(box.segment(n), [](Bytes& bytes) {
      SegmentHeader header = log::decode_segment_header(bytes).value();
      header.log[0] ^= std::byte{1};
      const auto encoded = log::encode(header);
      std::copy(encoded.begin(), encoded.end(), bytes.begin());
    });
  }
  const auto answer = read_all(box.directory);
  ASSERT_THAT(answer, HasErrc(Errc::corrupt));
  EXPECT_EQ("wal/" + answer.error().file, box.segment(0));
  EXPECT_EQ(answer.error().message, "belongs to another log");
}

TEST(OlderSegment, ThatIsMissingIsMissedWithoutAManifestToo) {
  const auto root = TwoSegments().laid();
  ASSERT_THAT(root->subdirectory("wal", OpenMode::read).value()->remove(kOlder), IsOk());
  for (const ReplayMode mode : kModes) {
    const auto answer = read_all(root, mode);
    ASSERT_THAT(answer, HasErrc(Errc::corrupt));
    EXPECT_EQ(answer.error().lost, (EntryIdRange{EntryId{1}, EntryId{3}}));
  }
}

/// What is read from `first` to `last`.
std::vector<std::string> texts_of(const Reader& reader, std::uint64_t first, std::uint64_t last) {
  std::vector<std::string> texts;
  const auto summary = reader.replay_range({EntryId{first}, EntryId{last}}, ReplayMode::best_effort,
                                           [&](auto& r) { texts.push_back(r.payload); });
  EXPECT_THAT(summary, IsOk());
  return texts;
}

TEST(Range, MayBeginInTheMiddleOfAFrame) {
  const auto reader = Reader::open(TwoSegments().laid()).value();
  EXPECT_EQ(texts_of(reader, 3, 4), (std::vector<std::string>{"three", "four"}));
}

// Nobody writes such a LOCK: a group is durable as a whole. It bounds the reader nevertheless.
TEST(Range, BesideAWriterEndsAtTheDurableIdInTheMiddleOfAFrame) {
  LogBox box;
  ASSERT_THAT(box.wal->append_batch({text_of(1), text_of(2), text_of(3)}), IsOk());
  ASSERT_THAT(box.wal->sync(), IsOk());
  log::LockRecord record = lock_of(box);
  record.durable_through = EntryId{2};
  put_lock(box, record);
  EXPECT_THAT(read_all(box.directory), IsOkAndHolds(texts_through(2)));
}

TEST(Range, BesideAWriterMayEndInALossThatIsNotYetFollowed) {
  TwoSegments log;
  log.older.add(log::control(FrameKind::loss, EntryId{4}, EntryId{3}),
                log::encode_loss({{EntryId{4}, EntryId{9}}, "accepted"}));
  const auto root = MemoryDirectory::create();
  const auto home = root->subdirectory("wal", OpenMode::create).value();
  put(*home, kOlder, log.older.bytes);
  const auto held = home->lock().value();
  const auto reader = Reader::open(root, {.visibility = Durability::flushed}).value();
  EXPECT_EQ(texts_of(reader, 2, 6), (std::vector<std::string>{"two", "three"}));
  EXPECT_THAT(reader.replay_until(EntryId{10}, ReplayMode::best_effort, [](auto&) {}),
              HasErrc(Errc::not_found));
}

}  // namespace
}  // namespace walkit
