// The sparse index of a segment: from its seal, or from a scan; and that it is a cache.

#include "log/segment_index.hpp"

#include "log/frames_by_hand.hpp"
#include "log/indexed_segment.hpp"
#include "log/log_box.hpp"

namespace walkit::log {
namespace {

constexpr std::uint64_t kNoCap = ~std::uint64_t{0};
using Lines = std::vector<IndexEntry>;

FrameHeader frame_at(std::uint64_t n, std::uint64_t step) {
  return {.first = EntryId{n + 1}, .offset = 512 + n * step, .time_ns = 7 * n, .count = 1};
}

SparseIndex index_of(std::uint64_t frames, std::uint64_t step) {
  SparseIndex index;
  for (std::uint64_t n = 0; n < frames; ++n) index.note(frame_at(n, step));
  return index;
}

TEST(SparseIndex, TakesALineForEach64KiB) {
  const Lines kept = index_of(1000, 1000).lines();
  ASSERT_EQ(kept.size(), 16u);
  for (std::size_t i = 1; i < kept.size(); ++i) {
    EXPECT_GE(kept[i].offset - kept[i - 1].offset, 64u << 10);
    EXPECT_LT(kept[i].offset - kept[i - 1].offset, (64u << 10) + 1000);
  }
  EXPECT_EQ(kept.front(), (IndexEntry{EntryId{1}, 512, 0}));
}

TEST(SparseIndex, FullItKeepsEverySecondLineAndTakesHalfAsMany) {
  const std::uint64_t step = 64 << 10;
  const SparseIndex index = index_of(5000, step);
  const Lines& lines = index.lines();
  EXPECT_LE(lines.size(), SparseIndex::kLinesMax);
  EXPECT_GT(lines.size(), SparseIndex::kLinesMax / 2);
  EXPECT_EQ(lines.front().first, EntryId{1});
  for (std::size_t i = 1; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].first - lines[i - 1].first, 8u) << "evenly, old lines and new ones";
  }
}

TEST(SparseIndex, FindsTheLinesAroundAnIdOrATime) {
  const SparseIndex index = index_of(10, 1 << 16);
  EXPECT_EQ(index.floor(EntryId{0}), std::nullopt);
  EXPECT_EQ(index.floor(EntryId{1})->first, EntryId{1});
  EXPECT_EQ(index.floor(EntryId{99})->first, EntryId{10});
  EXPECT_EQ(index.above(EntryId{0})->first, EntryId{1});
  EXPECT_EQ(index.above(EntryId{9})->first, EntryId{10});
  EXPECT_EQ(index.above(EntryId{10}), std::nullopt);
  EXPECT_EQ(index.before_time(0), std::nullopt);
  EXPECT_EQ(index.before_time(7)->time_ns, 0u);
  EXPECT_EQ(index.before_time(8)->time_ns, 7u);
  EXPECT_EQ(index.before_time(kNoCap)->first, EntryId{10});
}

TEST(SparseIndex, TakesNoLinesThatCannotBe) {
  const Lines good = {{EntryId{1}, 512, 5}, {EntryId{9}, 600, 5}};
  SparseIndex index;
  EXPECT_TRUE(index.take(good, 512, 700));
  EXPECT_FALSE(index.take(good, 513, 700)) << "before the first frame";
  EXPECT_FALSE(index.take(good, 512, 600)) << "behind the last";
  EXPECT_FALSE(index.take({{EntryId{}, 512, 5}}, 512, 700)) << "no id";
  EXPECT_FALSE(index.take({good[1], good[0]}, 512, 700)) << "falling";
  EXPECT_FALSE(index.take({good[0], {EntryId{9}, 600, 4}}, 512, 700)) << "time falling";
  EXPECT_FALSE(index.take({good[0], {EntryId{1}, 600, 5}}, 512, 700)) << "one id twice";
  EXPECT_EQ(index.lines(), good);
}

/// A closed log of two segments with several lines each.
struct Closed {
  Closed() {
    for (int n = 0; n < 60; ++n) {
      EXPECT_THAT(box.wal->append(std::string(10'000, 'x')), IsOk());
      EXPECT_THAT(box.wal->flush(), IsOk());
    }
    box.close();
    const auto files = segment_files(box.directory);
    EXPECT_EQ(files.size(), 2u);
    for (const std::string& file : files) {
      names.push_back({file, parse_segment_name(file).value()});
      segments.push_back(open_segment(*box.home(), names.back()).value());
    }
  }
  [[nodiscard]] const SegmentHeader* next_of(std::size_t i) const {
    return i + 1 < segments.size() ? &segments[i + 1].header : nullptr;
  }
  [[nodiscard]] SegmentIndex load(std::size_t i) {
    SegmentIndex index(segments[i].header);
    EXPECT_THAT(index.load_seal(*segments[i].file, segments[i].header, next_of(i)), IsOk());
    return index;
  }
  LogBox box{{.flush = FlushPolicy::manual(), .segment_bytes = 400'000}};
  std::vector<SegmentFile> names{};
  std::vector<OpenSegment> segments{};
};

Lines lines_of(const SegmentIndex& index) {
  Lines lines;
  for (auto line = index.above(EntryId{}); line; line = index.above(line->first)) {
    lines.push_back(*line);
  }
  return lines;
}

Lines scanned(const OpenSegment& segment) {
  SegmentIndex index(segment.header);
  FrameScanner scanner(*segment.file, segment.header, kNoCap);
  EXPECT_THAT(index.extend(scanner, EntryId::max(), EntryId::max()), IsOk());
  return lines_of(index);
}

TEST(SegmentIndex, SealSaysWhatAScanFinds) {
  Closed log;
  for (std::size_t i = 0; i < log.segments.size(); ++i) {
    const SegmentIndex index = log.load(i);
    ASSERT_TRUE(index.seal().has_value()) << i;
    EXPECT_GE(lines_of(index).size(), 3u);
    EXPECT_EQ(lines_of(index), scanned(log.segments[i]));
  }
}

TEST(SegmentIndex, ScanGoesOnlyAsFarAsItIsAskedTo) {
  Closed log;
  SegmentIndex index(log.segments[0].header);
  FrameScanner scanner(*log.segments[0].file, log.segments[0].header, kNoCap);
  for (const std::uint64_t id : {3, 2, 20}) {
    const EntryId before = index.scanned().expected;
    ASSERT_THAT(index.extend(scanner, EntryId{id}, EntryId{id}), IsOk());
    EXPECT_EQ(index.scanned().expected, std::max(before, EntryId{id} + 1));
  }
  ASSERT_THAT(index.extend(scanner, EntryId::max(), EntryId::max()), IsOk());
  EXPECT_EQ(lines_of(index), scanned(log.segments[0]));
}

TEST(SegmentIndex, SealThatDoesNotVerifyIsNone) {
  Closed log;
  for (std::size_t i = 0; i < log.segments.size(); ++i) {
    const std::string file = "wal/" + log.names[i].file;
    const FramePlace seal = log.load(i).seal().value();
    const Bytes good = log.box.directory->read_file(file).value();
    for (const std::uint64_t byte : {seal.offset + 9, seal.offset + 70, seal.offset + 48}) {
      log.box.flip(file, byte);
      EXPECT_FALSE(log.load(i).seal().has_value()) << byte;
      log.box.put(file, good);
    }
    log.box.change(file, [](Bytes& bytes) { bytes.resize(bytes.size() + 8); });
    EXPECT_FALSE(log.load(i).seal().has_value()) << "it does not end the file";
    log.box.put(file, good);
    EXPECT_TRUE(log.load(i).seal().has_value());
  }
}

TEST(SegmentIndex, ShortFilesHaveNoSeal) {
  Closed log;
  const std::string file = "wal/" + log.names[1].file;
  for (const std::size_t bytes : {0, 1, 511, 512, 513, 575, 576, 5000}) {
    log.box.change(file, [&](Bytes& b) { b.resize(bytes); });
    EXPECT_FALSE(log.load(1).seal().has_value()) << bytes;
  }
}

/// One segment by hand with a seal of these lines, as the newest of a log.
struct Sealed {
  explicit Sealed(const std::function<void(Lines&)>& damage, bool seals = true) {
    for (std::uint64_t id = 1; id <= 6; ++id) {
      const std::string text = std::to_string(id);
      segment.add({.first = EntryId{id}, .time_ns = 10 * id, .count = 1}, body_of({text}));
      lines.push_back({EntryId{id}, segment.last.offset, 10 * id});
    }
    damage(lines);
    Bytes body(seal_body_bytes(lines.size()));
    encode_seal(lines, body.data());
    if (seals) segment.add(control(FrameKind::seal, EntryId{7}, EntryId{6}), body);
    directory->open(to_string(name), OpenMode::create)
        .value()
        ->write_at(0, std::initializer_list<BytesView>{segment.bytes})
        .value();
    opened = IndexedSegment::open(*directory, {to_string(name), name}, {.frame_bytes_max = kNoCap})
                 .value();
  }
  /// The payload of entry `id`.
  [[nodiscard]] std::string read(std::uint64_t id) const {
    FrameScanner scanner = opened->scanner();
    const auto header = opened->find(scanner, EntryId{id}, {.through = EntryId{6}});
    if (!header) return to_string(header.error());
    const auto frame = opened->read(scanner, *header);
    if (!frame) return to_string(frame.error());
    return std::string(as_text(PayloadCursor(frame->entries).next().value()));
  }
  /// The first entry since that time.
  [[nodiscard]] std::uint64_t since(std::uint64_t time_ns) const {
    FrameScanner scanner = opened->scanner();
    const auto header = opened->find_since(scanner, time_ns, {.through = EntryId{6}});
    return header && *header ? (*header)->first.value : 0;
  }
  std::shared_ptr<Directory> directory = MemoryDirectory::create();
  SegmentName name{1, EntryId{1}};
  FramesByHand segment{};
  Lines lines{};
  std::unique_ptr<IndexedSegment> opened{};
};

TEST(SegmentIndex, LinesLostOrWrongNeverChangeAnAnswer) {
  const std::vector<std::function<void(Lines&)>> damages = {
      [](Lines&) {},
      [](Lines& l) { l.clear(); },
      [](Lines& l) { l.erase(l.begin(), l.begin() + 3); },
      [](Lines& l) {
        l = {l[1], l[4]};
      },
      [](Lines& l) { std::reverse(l.begin(), l.end()); },
      [](Lines& l) { l[2].offset += 8; },
      [](Lines& l) {
        for (IndexEntry& line : l) line.offset += 8;
      },
      [](Lines& l) { l[3].offset = l[4].offset - 8; },
      [](Lines& l) {
        for (IndexEntry& line : l) line.first = line.first + 1;
      },
      [](Lines& l) { l[5].first = EntryId::max(); },
      [](Lines& l) { l[0].offset = 0; },
      [](Lines& l) { l[5].offset = kNoCap; },
      [](Lines& l) {
        for (IndexEntry& line : l) line.time_ns = 9;
      },
      [](Lines& l) {
        for (IndexEntry& line : l) line.time_ns += 25;
      },
      [](Lines& l) {
        for (IndexEntry& line : l) line.time_ns -= 9;
      },
      [](Lines& l) { l.resize(1), l[0].first = EntryId{6}; },
  };
  for (std::size_t i = 0; i < damages.size(); ++i) {
    for (const bool rising : {true, false}) {
      const Sealed log(damages[i]);
      for (std::uint64_t n = 1; n <= 6; ++n) {
        const std::uint64_t id = rising ? n : 7 - n;
        EXPECT_EQ(log.read(id), std::to_string(id)) << "damage " << i;
        EXPECT_EQ(log.since(10 * id - 3), id) << "damage " << i;
      }
    }
  }
}

TEST(SegmentIndex, SegmentWithoutSealIsScanned) {
  const Sealed log([](Lines&) {}, false);
  for (const std::uint64_t id : {4, 1, 6, 2}) EXPECT_EQ(log.read(id), std::to_string(id));
}

TEST(SegmentIndex, LineLeadsOnBehindDamageAndSaysHowFarItGoes) {
  Sealed log([](Lines& l) { l = {l[0], l[1], l[4]}; });
  const auto file = log.directory->open(to_string(log.name), OpenMode::write).value();
  const Bytes spoiled(8, std::byte{1});
  const std::uint64_t third = log.lines[1].offset + 72;
  ASSERT_THAT(file->write_at(third, std::initializer_list<BytesView>{spoiled}), IsOk());
  EXPECT_EQ(log.read(2), "2");
  EXPECT_EQ(log.read(5), "5");
  FrameScanner scanner = log.opened->scanner();
  for (const std::uint64_t id : {3, 4}) {
    const auto gone = log.opened->find(scanner, EntryId{id}, {.through = EntryId{6}});
    ASSERT_THAT(gone, HasErrc(Errc::corrupt));
    EXPECT_EQ(gone.error().offset, third);
    EXPECT_EQ(gone.error().lost, (EntryIdRange{EntryId{3}, EntryId{4}}));
  }
}

}  // namespace
}  // namespace walkit::log
