#include "log/frame_scanner.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "log/frames_by_hand.hpp"
#include "log/segment_writer.hpp"

namespace walkit::log {
namespace {

constexpr std::uint64_t kNoCap = ~std::uint64_t{0};

/// What a scan of the frames gives.
struct Scan {
  std::vector<FrameHeader> frames{};
  FrameFault fault{};
  std::uint64_t position = 0;
  EntryId expected{};
  std::uint32_t chain = 0;
  bool has_fault_header = false;
};

Scan scan(const FramesByHand& segment, std::uint64_t cap = kNoCap) {
  const auto file = segment.file();
  FrameScanner scanner(*file, segment.header(), cap);
  Scan result;
  while (const auto frame = scanner.next().value()) result.frames.push_back(frame->header);
  result.fault = scanner.fault();
  result.position = scanner.position();
  result.expected = scanner.expected();
  result.chain = scanner.chain();
  result.has_fault_header = scanner.fault_header().has_value();
  return result;
}

/// Frame 1 good, and then one that `fault` spoils.
void expect_stops_at_second(const FramesByHand& segment, FrameFault fault) {
  const Scan found = scan(segment);
  EXPECT_EQ(found.frames.size(), 1u);
  EXPECT_EQ(found.fault, fault);
  EXPECT_EQ(found.expected, EntryId{2});
  EXPECT_EQ(found.has_fault_header, fault != FrameFault::no_header);
}

FramesByHand one_entry() { return FramesByHand().entries(1, 0, {"one"}); }

TEST(FrameScanner, WalksFramesInOrderToTheEnd) {
  const FramesByHand segment = one_entry().entries(2, 1, {"two", "three"}).entries(4, 3, {"four"});
  const Scan found = scan(segment);
  ASSERT_EQ(found.frames.size(), 3u);
  EXPECT_EQ(found.frames[1].last(), EntryId{3});
  EXPECT_EQ(found.fault, FrameFault::no_header);
  EXPECT_EQ(found.position, segment.bytes.size());
  EXPECT_EQ(found.expected, EntryId{5});
  EXPECT_EQ(found.chain, segment.chain);
}

TEST(FrameScanner, EmptySegmentEndsAtItsFirstFrame) {
  for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
    const FramesByHand segment(first_header(layout));
    const Scan found = scan(segment);
    EXPECT_EQ(found.position, first_frame_offset(layout));
    EXPECT_EQ(found.expected, EntryId{1});
    EXPECT_EQ(found.chain, segment.header().crc);
  }
}

TEST(FrameScanner, WholeBlocksPutsEachFrameOnItsBlock) {
  FramesByHand segment(first_header(Layout::whole_blocks));
  segment.entries(1, 0, {"one"}).entries(2, 1, {"two"});
  const Scan found = scan(segment);
  ASSERT_EQ(found.frames.size(), 2u);
  EXPECT_EQ(found.frames[0].offset, 4096u);
  EXPECT_EQ(found.frames[1].offset, 8192u);
}

TEST(FrameScanner, WrongChainIsStructure) {
  FramesByHand segment = one_entry();
  segment.chain ^= 1;
  expect_stops_at_second(segment.entries(2, 1, {"two"}), FrameFault::structure);
}

TEST(FrameScanner, WrongIdIsStructure) {
  expect_stops_at_second(one_entry().entries(1, 1, {"again"}), FrameFault::structure);
  expect_stops_at_second(one_entry().entries(3, 1, {"too far"}), FrameFault::structure);
}

TEST(FrameScanner, FrameOfAnotherSegmentIsNoHeader) {
  SegmentHeader other = first_header();
  other.epoch = 2;
  const FramesByHand stale = FramesByHand(other).entries(1, 0, {"one"}).entries(2, 1, {"old"});
  FramesByHand segment = one_entry();
  segment.bytes.insert(segment.bytes.end(), stale.bytes.begin() + 584, stale.bytes.end());
  expect_stops_at_second(segment, FrameFault::no_header);
}

TEST(FrameScanner, FlippedBodyBitIsBody) {
  FramesByHand segment = one_entry().entries(2, 1, {"two"});
  segment.bytes[segment.last.offset + kFrameHeaderBytes + 2] ^= std::byte{4};
  expect_stops_at_second(segment, FrameFault::body);
}

TEST(FrameScanner, FileThatEndsInsideTheBodyIsBody) {
  FramesByHand segment = one_entry().entries(2, 1, {"two"});
  for (std::uint64_t body = 0; body < segment.last.body_bytes; ++body) {
    segment.bytes.resize(segment.last.offset + kFrameHeaderBytes + body);
    segment.bytes.shrink_to_fit();
    expect_stops_at_second(segment, FrameFault::body);
  }
}

TEST(FrameScanner, FileThatEndsInsideTheHeaderIsNoHeader) {
  FramesByHand segment = one_entry().entries(2, 1, {"two"});
  segment.bytes.resize(segment.last.offset + kFrameHeaderBytes - 1);
  expect_stops_at_second(segment, FrameFault::no_header);
}

TEST(FrameScanner, FileThatEndsInsideThePaddingIsFine) {
  FramesByHand segment = one_entry().entries(2, 1, {"two"});
  const std::uint64_t body_end = segment.last.end() - 4;
  for (std::uint64_t end = segment.last.end(); end >= body_end; --end) {
    segment.bytes.resize(end);
    EXPECT_EQ(scan(segment).frames.size(), 2u) << end;
  }
}

TEST(FrameScanner, PaddingThatIsNotZeroIsStructure) {
  FramesByHand segment = one_entry().entries(2, 1, {"two"});
  segment.bytes.back() = std::byte{1};
  expect_stops_at_second(segment, FrameFault::structure);
}

TEST(FrameScanner, EntriesThatDoNotFitTheirFrameAreStructure) {
  FramesByHand segment = one_entry();
  segment.add({.first = EntryId{2}, .count = 3}, body_of({"two"}));
  expect_stops_at_second(segment, FrameFault::structure);
}

TEST(FrameScanner, UnknownFlagOrKindIsUnknown) {
  FramesByHand flag = one_entry();
  flag.add({.first = EntryId{2}, .count = 1, .flags = 8}, body_of({"two"}));
  expect_stops_at_second(flag, FrameFault::unknown);
  FramesByHand kind = one_entry();
  kind.add({.first = EntryId{2}, .kind = 6}, {});
  expect_stops_at_second(kind, FrameFault::unknown);
}

TEST(FrameScanner, SkippableKindIsPassedOver) {
  FramesByHand segment = one_entry();
  segment.add({.first = EntryId{2}, .kind = kSkippableKind | 6}, as_bytes("later"));
  EXPECT_EQ(scan(segment.entries(2, 1, {"two"})).expected, EntryId{3});
}

TEST(FrameScanner, FrameAtTheLimitIsReadAndOneOverItIsStructure) {
  SegmentHeader header = first_header();
  header.max_frame_bytes = 200;
  for (const std::size_t over : {0, 1}) {
    FramesByHand segment = FramesByHand(header).entries(1, 0, {"one"});
    const std::string text(200 + kFrameExtraBytesMax - kFrameHeaderBytes - 2 + over, 'x');
    segment.entries(2, 1, {text});
    EXPECT_EQ(scan(segment).frames.size(), 2u - over);
  }
}

TEST(FrameScanner, EntryAtTheLimitIsReadAndOneOverItIsStructure) {
  SegmentHeader header = first_header();
  header.max_entry_bytes = 100;
  FramesByHand segment = FramesByHand(header).entries(1, 0, {std::string(100, 'x')});
  segment.entries(2, 1, {std::string(101, 'x')});
  const Scan found = scan(segment);
  EXPECT_EQ(found.frames.size(), 1u);
  EXPECT_EQ(found.fault, FrameFault::structure);
}

TEST(FrameScanner, ReadersOwnCapHoldsWhateverTheHeaderSays) {
  const FramesByHand segment = one_entry().entries(2, 1, {std::string(120, 'x')});
  EXPECT_EQ(scan(segment, 200).frames.size(), 2u);
  const Scan found = scan(segment, 100);
  EXPECT_EQ(found.frames.size(), 1u);
  EXPECT_EQ(found.fault, FrameFault::structure);
}

TEST(FrameScanner, ControlFramesMayBeLargerThanALogsFrames) {
  SegmentHeader header = first_header();
  header.max_frame_bytes = 100;
  const Bytes body(kControlFrameBytesMax - kFrameHeaderBytes + 1, std::byte{1});
  for (const std::size_t over : {0, 1}) {
    FramesByHand segment(header);
    segment.add(control(FrameKind::marker, EntryId{1}),
                BytesView(body).first(body.size() - 1 + over));
    EXPECT_EQ(scan(segment).frames.size(), 1u - over);
  }
}

TEST(FrameScanner, ControlFramesDoNotMoveTheExpectedId) {
  FramesByHand segment = one_entry();
  for (const FrameKind kind : {FrameKind::marker, FrameKind::close, FrameKind::seal}) {
    segment.add(control(kind, EntryId{2}, EntryId{1}), {});
  }
  const Scan found = scan(segment);
  EXPECT_EQ(found.frames.size(), 4u);
  EXPECT_EQ(found.expected, EntryId{2});
}

TEST(FrameScanner, LossMovesTheExpectedIdBehindIt) {
  FramesByHand segment = one_entry();
  segment.add(control(FrameKind::loss, EntryId{2}), encode_loss({{EntryId{2}, EntryId{6}}, "why"}));
  EXPECT_EQ(scan(segment).expected, EntryId{7});
  EXPECT_EQ(scan(segment.entries(7, 6, {"seven"})).expected, EntryId{8});
}

TEST(FrameScanner, LossOfOtherIdsIsStructure) {
  for (const std::uint64_t first : {1, 3}) {
    FramesByHand segment = one_entry();
    segment.add(control(FrameKind::loss, EntryId{2}),
                encode_loss({{EntryId{first}, EntryId{6}}, "why"}));
    expect_stops_at_second(segment, FrameFault::structure);
  }
}

TEST(FrameScanner, TimeNeverFalls) {
  FramesByHand segment;
  segment.add({.first = EntryId{1}, .time_ns = 9, .count = 1}, body_of({"a"}));
  segment.add({.first = EntryId{2}, .time_ns = 5, .count = 1}, body_of({"b"}));
  const auto file = segment.file();
  FrameScanner scanner(*file, segment.header(), kNoCap);
  while (scanner.next().value()) continue;
  EXPECT_EQ(scanner.time_ns(), 9u);
}

/// Three frames of entries 1, 2..3 and 4, and a scanner over them.
struct Seeking {
  Seeking() {
    segment.entries(1, 0, {"one"});
    second = segment.entries(2, 1, {"two", "three"}).last;
    segment.entries(4, 3, {"four"});
  }
  [[nodiscard]] FrameScanner scanner() {
    file = segment.file();
    return {*file, segment.header(), kNoCap};
  }
  FramesByHand segment{};
  FrameHeader second{};
  std::unique_ptr<File> file{};
};

TEST(FrameScanner, SeekGoesOnAtAFrameWhoseChainIsNotKnown) {
  Seeking log;
  FrameScanner scanner = log.scanner();
  scanner.seek(log.second.offset, EntryId{2});
  EXPECT_EQ(scanner.next().value().value().header.crc, log.second.crc);
  EXPECT_EQ(scanner.next().value().value().header.first, EntryId{4});
  EXPECT_FALSE(scanner.next().value().has_value());
  EXPECT_EQ(scanner.position(), log.segment.bytes.size());
  scanner.seek(log.second.offset, EntryId{2}, log.second.chain);  // back again, its chain known
  EXPECT_TRUE(scanner.next().value().has_value());
}

TEST(FrameScanner, SeekToWhatIsNotThereIsAFault) {
  Seeking log;
  FrameScanner scanner = log.scanner();
  scanner.seek(log.second.offset, EntryId{3});
  EXPECT_FALSE(scanner.next().value().has_value());
  EXPECT_EQ(scanner.fault(), FrameFault::structure) << "another id";
  scanner.seek(log.second.offset + 8, EntryId{2});
  EXPECT_FALSE(scanner.next().value().has_value());
  EXPECT_EQ(scanner.fault(), FrameFault::no_header) << "another place";
  scanner.seek(log.second.offset, EntryId{2}, log.second.chain + 1);
  EXPECT_FALSE(scanner.next_header().value().has_value());
  EXPECT_EQ(scanner.fault(), FrameFault::structure) << "another chain";
}

TEST(FrameScanner, ChainIsCheckedBehindTheFrameThatWasSought) {
  Seeking log;
  log.segment.chain ^= 1;
  log.segment.entries(5, 4, {"five"});
  FrameScanner scanner = log.scanner();
  scanner.seek(log.second.offset, EntryId{2});
  EXPECT_TRUE(scanner.next().value().has_value());
  EXPECT_TRUE(scanner.next().value().has_value());
  EXPECT_FALSE(scanner.next().value().has_value());
  EXPECT_EQ(scanner.fault(), FrameFault::structure);
}

TEST(FrameScanner, HeadersArePassedOverWhateverTheirBodies) {
  Seeking log;
  log.segment.bytes[log.second.offset + kFrameHeaderBytes] ^= std::byte{1};
  FrameScanner scanner = log.scanner();
  for (const std::uint64_t next : {2, 4, 5}) {
    EXPECT_TRUE(scanner.next_header().value().has_value());
    EXPECT_EQ(scanner.expected(), EntryId{next});
  }
  EXPECT_FALSE(scanner.next_header().value().has_value());
  EXPECT_EQ(scanner.fault(), FrameFault::no_header);
  EXPECT_EQ(scanner.chain(), log.segment.chain);
}

TEST(FrameScanner, HeadersOfLossesAndOfNewerFramesAreNotPassedOverUnread) {
  FramesByHand segment = one_entry();
  const Bytes loss = encode_loss({{EntryId{2}, EntryId{6}}, "why"});
  segment.add(control(FrameKind::loss, EntryId{2}), loss);
  segment.add({.first = EntryId{7}, .kind = 6}, {});
  for (const bool damaged : {false, true}) {
    FramesByHand here = segment;
    if (damaged) here.bytes[584 + kFrameHeaderBytes] ^= std::byte{1};
    const auto file = here.file();
    FrameScanner scanner(*file, here.header(), kNoCap);
    EXPECT_TRUE(scanner.next_header().value().has_value());
    EXPECT_EQ(scanner.next_header().value().has_value(), !damaged);
    EXPECT_EQ(scanner.expected(), EntryId{damaged ? 2u : 7u});
    EXPECT_FALSE(scanner.next_header().value().has_value());
    EXPECT_EQ(scanner.fault(), damaged ? FrameFault::body : FrameFault::unknown);
  }
}

TEST(FrameScanner, RefreshSeesWhatWasWrittenMeanwhile) {
  const FramesByHand segment = one_entry();
  const auto file = segment.file();
  ASSERT_TRUE(file->fill_zeros(4096));
  FrameScanner scanner(*file, segment.header(), kNoCap);
  while (scanner.next().value()) continue;
  const FramesByHand longer = one_entry().entries(2, 1, {"two"});
  const BytesView parts[] = {longer.bytes};
  ASSERT_TRUE(file->write_at(0, parts));
  EXPECT_FALSE(scanner.next().value().has_value());
  scanner.refresh();
  EXPECT_TRUE(scanner.next().value().has_value());
}

// A loss that was not proven moves into the next segment, and must read there as it did before.
TEST(FrameScanner, RehomedFramesOfEveryKindRead) {
  const auto directory = MemoryDirectory::create();
  auto writer = SegmentWriter::prepare(*directory, {2, EntryId{1}}, 0).value();
  SegmentHeader header = first_header();
  header.number = 2;
  ASSERT_TRUE(writer->begin(header));
  const Bytes loss = encode_loss({{EntryId{2}, EntryId{6}}, "why"});
  FramesByHand old = one_entry();
  ASSERT_TRUE(writer->rehome(old.last, body_of({"one"}), 1, EntryId{}));
  old.add(control(FrameKind::marker, EntryId{2}), as_bytes("note"));
  ASSERT_TRUE(writer->rehome(old.last, as_bytes("note"), 1, EntryId{}));
  old.add(control(FrameKind::loss, EntryId{2}), loss);
  ASSERT_TRUE(writer->rehome(old.last, loss, 1, EntryId{}));
  ASSERT_TRUE(writer->publish(*directory));
  const auto file = directory->open(writer->file(), OpenMode::read).value();
  FrameScanner scanner(*file, writer->header(), kNoCap);
  while (scanner.next().value()) continue;
  EXPECT_EQ(scanner.fault(), FrameFault::no_header);
  EXPECT_EQ(scanner.expected(), EntryId{7});
}

}  // namespace
}  // namespace walkit::log
