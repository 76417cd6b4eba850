#include "log/tail.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "log/frames_by_hand.hpp"

namespace walkit::log {
namespace {

constexpr std::uint64_t kNoCap = ~std::uint64_t{0};

Tail tail_of(const FramesByHand& segment) {
  return read_tail(*segment.file(), segment.header(), kNoCap, EntryId{}).value();
}
Tail tail_of(const FramesByHand& like, const Bytes& bytes) {
  FramesByHand segment = like;
  segment.bytes = bytes;
  return tail_of(segment);
}

ProvenEnd proven_of(const FramesByHand& segment, std::uint64_t known) {
  return read_tail(*segment.file(), segment.header(), kNoCap, EntryId{known}).value().proven;
}

std::string long_text(std::size_t bytes) { return std::string(bytes, 'q'); }

/// One durable entry, then frames that were in flight when the power went: what stood in the file
/// before them, and what would stand there.
struct InFlight {
  explicit InFlight(Layout layout) : segment(FramesByHand(first_header(layout))) {
    segment.entries(1, 0, {"durable"});
    before = segment.bytes;
  }
  void add(std::uint64_t first, const std::string& text) { segment.entries(first, 1, {text}); }

  [[nodiscard]] Bytes old_bytes() const {
    Bytes bytes = before;
    bytes.resize(segment.bytes.size());
    return bytes;
  }
  FramesByHand segment;
  Bytes before{};
};

/// The states in which one sector may be: old, new, or cut at a few places.
std::vector<Bytes> sector_states(BytesView was, BytesView is) {
  std::vector<Bytes> states = {Bytes(was.begin(), was.end())};
  if (std::equal(was.begin(), was.end(), is.begin())) return states;
  for (const std::size_t cut : {std::size_t{1}, std::size_t{63}, std::size_t{64}, was.size() / 2,
                                was.size() - 1, was.size()}) {
    Bytes state(is.begin(), is.begin() + static_cast<std::ptrdiff_t>(std::min(cut, is.size())));
    state.insert(state.end(), was.begin() + static_cast<std::ptrdiff_t>(state.size()), was.end());
    states.push_back(std::move(state));
  }
  return states;
}

/// Calls `judge` with every combination of the sectors' states.
void for_each_crash(const InFlight& flight, const std::function<void(const Bytes&)>& judge) {
  const Bytes was = flight.old_bytes(), &is = flight.segment.bytes;
  std::vector<std::vector<Bytes>> sectors;
  for (std::size_t at = 0; at < is.size(); at += kSectorBytes) {
    const std::size_t bytes = std::min(kSectorBytes, is.size() - at);
    sectors.push_back(
        sector_states(BytesView(was).subspan(at, bytes), BytesView(is).subspan(at, bytes)));
  }
  std::vector<std::size_t> wheel(sectors.size());
  for (std::size_t moved = 0; moved < wheel.size();) {
    Bytes image;
    for (std::size_t i = 0; i < sectors.size(); ++i) {
      const Bytes& state = sectors[i][wheel[i]];
      image.insert(image.end(), state.begin(), state.end());
    }
    judge(image);
    for (moved = 0; moved < wheel.size(); ++moved) {
      if (++wheel[moved] < sectors[moved].size()) break;
      wheel[moved] = 0;
    }
  }
}

/// What a legal crash leaves is a clean end or an explained one, behind all that was durable.
void expect_all_crashes_explained(const InFlight& flight) {
  std::size_t torn = 0;
  for_each_crash(flight, [&](const Bytes& image) {
    const Tail tail = tail_of(flight.segment, image);
    ASSERT_TRUE(tail.shape == TailShape::zeros || tail.shape == TailShape::explained);
    ASSERT_LE(tail.watermark, EntryId{1});
    ASSERT_GE(tail.expected, EntryId{2});
    ASSERT_EQ(tail.shape == TailShape::zeros, tail.dirty_bytes == 0);
    torn += tail.shape == TailShape::explained ? 1 : 0;
  });
  EXPECT_GT(torn, 10u);
}

TEST(Tail, EveryLegalCrashOfOneFrameIsExplained) {
  for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
    InFlight flight(layout);
    flight.add(2, long_text(1200));
    expect_all_crashes_explained(flight);
  }
}

TEST(Tail, EveryLegalCrashOfTwoFramesIsExplained) {
  InFlight flight(Layout::packed);
  flight.add(2, long_text(700));
  flight.add(3, long_text(400));
  expect_all_crashes_explained(flight);
}

TEST(Tail, EveryLegalCrashOfSmallFramesInOneSectorIsExplained) {
  InFlight flight(Layout::packed);
  for (std::uint64_t id = 2; id < 8; ++id) flight.add(id, long_text(30));
  expect_all_crashes_explained(flight);
}

TEST(Tail, EverySizeTheFileMayHaveIsExplained) {
  InFlight flight(Layout::packed);
  flight.add(2, long_text(1200));
  for (std::size_t size = flight.before.size(); size <= flight.segment.bytes.size(); ++size) {
    const Bytes image(flight.segment.bytes.begin(),
                      flight.segment.bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const Tail tail = tail_of(flight.segment, image);
    EXPECT_TRUE(tail.shape == TailShape::zeros || tail.shape == TailShape::explained) << size;
  }
}

TEST(Tail, EveryFlippedBitOfAWholeFrameIsUnexplained) {
  for (const Layout layout : {Layout::packed, Layout::whole_blocks}) {
    InFlight flight(layout);
    flight.add(2, long_text(900));
    Bytes image = flight.segment.bytes;
    const FrameHeader& frame = flight.segment.last;
    const std::uint64_t padding = frame.offset + kFrameHeaderBytes + frame.body_bytes;
    // Every bit of header and body; of the padding, which may be most of a block, one in 61.
    for (std::size_t bit = frame.offset * 8; bit < image.size() * 8;
         bit += bit < padding * 8 ? 1 : 61) {
      image[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
      ASSERT_EQ(tail_of(flight.segment, image).shape, TailShape::unexplained) << "bit " << bit;
      image[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    }
  }
}

TEST(Tail, OnlyZerosBehindAreACleanEnd) {
  FramesByHand segment = FramesByHand().entries(1, 0, {"one"});
  const std::uint64_t end = segment.bytes.size();
  segment.bytes.resize(300'000);
  const Tail tail = tail_of(segment);
  EXPECT_EQ(tail.shape, TailShape::zeros);
  EXPECT_EQ(tail.offset, end);
  EXPECT_EQ(tail.dirty_bytes, 0u);
  EXPECT_EQ(tail.last(), EntryId{1});
}

TEST(Tail, OneByteFarBehindIsNoCleanEnd) {
  FramesByHand segment = FramesByHand().entries(1, 0, {"one"});
  const std::uint64_t end = segment.bytes.size();
  segment.bytes.resize(300'001);
  segment.bytes.back() = std::byte{1};
  const Tail tail = tail_of(segment);
  EXPECT_EQ(tail.shape, TailShape::explained);
  EXPECT_EQ(tail.dirty_bytes, 300'001 - end);
}

TEST(Tail, WatermarkBehindTheDamageIsFoundOnEveryStepOfEight) {
  for (std::size_t bytes = 100; bytes < 700; bytes += 8) {
    FramesByHand segment = FramesByHand().entries(1, 0, {"one"});
    const std::uint64_t hole = segment.bytes.size();
    segment.entries(2, 1, {long_text(bytes)}).entries(3, 2, {"behind"});
    segment.bytes[hole + 8] ^= std::byte{1};
    const Tail tail = tail_of(segment);
    EXPECT_EQ(tail.offset, hole);
    EXPECT_EQ(tail.expected, EntryId{2});
    EXPECT_EQ(tail.watermark, EntryId{2}) << bytes;
  }
}

TEST(Tail, WatermarkIsFoundWhereTheSearchGoesFromStepToStep) {
  SegmentHeader header = first_header();
  header.max_frame_bytes = 1 << 20;
  constexpr std::size_t kStep = 64 << 10;
  for (std::size_t bytes = kStep - 200; bytes <= kStep + 40; bytes += 8) {
    // A short frame first: steps that begin on a sector never cut a header.
    FramesByHand segment = FramesByHand(header).entries(1, 0, {"one"});
    const std::uint64_t hole = segment.bytes.size();
    segment.entries(2, 1, {long_text(bytes)}).entries(3, 2, {"behind"});
    segment.bytes[hole + 8] ^= std::byte{1};
    EXPECT_EQ(tail_of(segment).watermark, EntryId{2}) << bytes;
  }
}

TEST(Tail, HeaderOfZerosIsUnexplainedIfItsSectorHoldsMore) {
  FramesByHand segment = FramesByHand().entries(1, 0, {"one"});
  const std::uint64_t hole = segment.bytes.size();
  segment.bytes.resize(2 * kSectorBytes + 1);
  segment.bytes.back() = std::byte{1};  // in another sector, which may have landed alone
  EXPECT_EQ(tail_of(segment).shape, TailShape::explained);
  segment.bytes[hole + kFrameHeaderBytes] = std::byte{1};
  EXPECT_EQ(tail_of(segment).shape, TailShape::unexplained);
}

TEST(Tail, LaterValidFrameAloneProvesNothing) {
  FramesByHand segment = FramesByHand().entries(1, 0, {"one"});
  const std::uint64_t hole = segment.bytes.size();
  segment.entries(2, 1, {long_text(600)});
  const std::uint64_t behind = segment.bytes.size();
  segment.entries(3, 1, {long_text(600)});
  std::fill(segment.bytes.begin() + static_cast<std::ptrdiff_t>(hole),
            segment.bytes.begin() + static_cast<std::ptrdiff_t>(behind), std::byte{0});
  const Tail tail = tail_of(segment);
  EXPECT_EQ(tail.shape, TailShape::explained);
  EXPECT_EQ(tail.watermark, EntryId{1});
  EXPECT_EQ(tail.expected, EntryId{2});
}

TEST(Tail, StaleFrameBehindTheDamageIsNoWitness) {
  SegmentHeader other = first_header();
  other.epoch = 9;
  FramesByHand segment = FramesByHand().entries(1, 0, {"one"});
  const FramesByHand stale =
      FramesByHand(other).entries(1, 0, {"one"}).entries(2, 1, {"two"}).entries(3, 7, {"three"});
  segment.bytes.resize(stale.last.offset);
  segment.bytes.insert(segment.bytes.end(),
                       stale.bytes.begin() + static_cast<std::ptrdiff_t>(stale.last.offset),
                       stale.bytes.end());
  EXPECT_EQ(tail_of(segment).watermark, EntryId{});
}

TEST(Tail, HeadersOwnWatermarkCounts) {
  SegmentHeader header = first_header();
  header.first = EntryId{8};
  header.durable_through = EntryId{7};
  EXPECT_EQ(tail_of(FramesByHand(header)).watermark, EntryId{7});
}

TEST(Tail, FrameOfANewerWalkitIsUnknown) {
  FramesByHand segment = FramesByHand().entries(1, 0, {"one"});
  segment.add({.first = EntryId{2}, .count = 1, .flags = 1 << 9}, body_of({"two"}));
  EXPECT_EQ(tail_of(segment).shape, TailShape::unknown);
}

TEST(Tail, SealThatEndsTheFileIsSealedAndAnyOtherIsNot) {
  FramesByHand segment = FramesByHand().entries(1, 0, {"one"});
  Bytes body(seal_body_bytes(0));
  segment.add(control(FrameKind::seal, EntryId{2}, EntryId{1}), body);
  EXPECT_TRUE(tail_of(segment).sealed.has_value());
  segment.bytes.resize(segment.bytes.size() + 8);
  EXPECT_FALSE(tail_of(segment).sealed.has_value());
  EXPECT_FALSE(tail_of(FramesByHand().entries(1, 0, {"one"})).sealed.has_value());
}

/// Entries 1, 2 and 3, each in its frame, a marker behind 2; where each frame ends. Their own
/// watermarks say nothing.
struct Ends {
  FramesByHand segment{};
  std::vector<FrameHeader> at{};
  Ends() {
    at.push_back(segment.entries(1, 0, {"one"}).last);
    at.push_back(segment.entries(2, 0, {"two"}).last);
    segment.add(control(FrameKind::marker, EntryId{3}, EntryId{}), as_bytes("note"));
    at.push_back(segment.entries(3, 0, {"three"}).last);
  }
  [[nodiscard]] ProvenEnd find(std::uint64_t known) const { return proven_of(segment, known); }
};

TEST(ProvenEnd, StandsBehindTheLastProvenFrameOfEntries) {
  const Ends ends;
  for (std::uint64_t proven = 1; proven <= 3; ++proven) {
    const ProvenEnd end = ends.find(proven);
    EXPECT_EQ(end.offset, ends.at[proven - 1].end()) << proven;
    EXPECT_EQ(end.chain, ends.at[proven - 1].crc);
    EXPECT_EQ(end.last, EntryId{proven});
  }
}

TEST(ProvenEnd, StandsBehindTheHeaderIfNothingIsProven) {
  const Ends ends;
  const ProvenEnd end = ends.find(0);
  EXPECT_EQ(end.offset, first_frame_offset(Layout::packed));
  EXPECT_EQ(end.chain, ends.segment.header().crc);
  EXPECT_EQ(end.last, EntryId{});
}

TEST(ProvenEnd, HalfAFrameIsNotProven) {
  const FramesByHand segment = FramesByHand().entries(1, 0, {"one", "two", "three"});
  EXPECT_EQ(proven_of(segment, 2).offset, first_frame_offset(Layout::packed));
  EXPECT_EQ(proven_of(segment, 3).offset, segment.bytes.size());
}

TEST(ProvenEnd, LossCountsLikeItsEntries) {
  FramesByHand segment = FramesByHand().entries(1, 0, {"one"});
  segment.add(control(FrameKind::loss, EntryId{2}, EntryId{}),
              encode_loss({{EntryId{2}, EntryId{5}}, "gone"}));
  const FrameHeader loss = segment.last;
  segment.entries(6, 0, {"six"});
  EXPECT_EQ(proven_of(segment, 4).last, EntryId{1});
  EXPECT_EQ(proven_of(segment, 5).last, EntryId{5});
  EXPECT_EQ(proven_of(segment, 5).offset, loss.end());
}

TEST(ProvenEnd, WatermarkOfAnyFrameProves) {
  FramesByHand segment = FramesByHand().entries(1, 0, {"one"}).entries(2, 0, {"two"});
  const FrameHeader second = segment.last;
  segment.entries(3, 2, {"three"});
  EXPECT_EQ(tail_of(segment).proven.offset, second.end());
}

TEST(ProvenEnd, SealIsNoProofAndIsRemembered) {
  Ends ends;
  const std::uint64_t offset = ends.segment.bytes.size();
  const std::uint32_t chain = ends.segment.chain;
  ends.segment.add(control(FrameKind::seal, EntryId{4}, EntryId{3}), Bytes(seal_body_bytes(0)));
  const Tail tail = tail_of(ends.segment);
  EXPECT_EQ(tail.proven.offset, ends.at[2].end());
  ASSERT_TRUE(tail.sealed.has_value());
  EXPECT_EQ(tail.sealed->end, offset);
  EXPECT_EQ(tail.sealed->chain, chain);
  EXPECT_EQ(tail.sealed->seal_end, ends.segment.bytes.size());
}

}  // namespace
}  // namespace walkit::log
