// Compressed bodies: what is made reads as it was, and what nobody makes is refused.

#include "log/compression.hpp"

#include <gtest/gtest.h>

#include <random>

#include "log/frame_scanner.hpp"
#include "log/frames_by_hand.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::log {
namespace {

using testing::HasErrc;
using testing::IsOk;

constexpr Compression kAlgorithms[] = {Compression::lz4, Compression::zstd};
constexpr std::uint64_t kNoCap = ~std::uint64_t{0};

Bytes text_bytes(std::size_t bytes, unsigned letters, std::mt19937& random) {
  Bytes text(bytes);
  for (std::byte& b : text) b = static_cast<std::byte>('a' + random() % letters);
  return text;
}

/// What stands behind algorithm and length.
BytesView packed_part(BytesView body) {
  BytesView rest = body.subspan(1);
  EXPECT_TRUE(take_varint(rest));
  return rest;
}

FrameHeader header_of(std::size_t count, std::uint64_t first = 1) {
  return {.first = EntryId{first},
          .count = static_cast<std::uint32_t>(count),
          .flags = kFlagCompressed};
}

/// Zeros are empty entries, as many as there are bytes.
Bytes packed_zeros(Compression algorithm, std::size_t count) {
  return compressed_body(algorithm, Bytes(count));
}

Status unpacks(BytesView body, std::size_t count) { return check_body(header_of(count), body); }

TEST(Compression, RoundTripsEveryShapeAndStoresNoneLarger) {
  std::mt19937 random(1);
  for (const Compression algorithm : kAlgorithms) {
    Compressor compressor(algorithm);
    Decompressor decompressor;
    for (const std::size_t bytes : {0, 1, 63, 64, 65, 300, 4096, 70'000, 3'000'000, 100}) {
      for (const unsigned letters : {1u, 2u, 20u, 256u}) {
        const Bytes entries = text_bytes(bytes, letters, random);
        Bytes body = entries;
        body.resize(compressor.compress(body));
        const bool large = bytes >= 300 && letters <= 2;
        EXPECT_TRUE(!body.empty() || !large) << bytes << " bytes, " << letters << " letters";
        if (body.empty()) continue;
        EXPECT_LT(body.size(), bytes);
        const BodyParts parts = split_body(header_of(1), body).value();
        const BytesView again = decompressor.entries_of(parts).value();
        EXPECT_TRUE(std::equal(again.begin(), again.end(), entries.begin(), entries.end()));
      }
    }
  }
}

TEST(Compression, WhatItWouldNotMakeSmallerStaysUntouched) {
  std::mt19937 random(2);
  const Bytes noise = text_bytes(5000, 256, random);
  for (const Compression algorithm : kAlgorithms) {
    Bytes entries = noise;
    EXPECT_EQ(Compressor(algorithm).compress(entries), 0u);
    EXPECT_EQ(entries, noise);
    Bytes small(63, std::byte{'x'});
    EXPECT_EQ(Compressor(algorithm).compress(small), 0u);
    EXPECT_EQ(small, Bytes(63, std::byte{'x'}));
    small.push_back(std::byte{'x'});
    EXPECT_GT(Compressor(algorithm).compress(small), 0u);
  }
  Bytes zeros(5000);
  EXPECT_EQ(Compressor(Compression::none).compress(zeros), 0u);
}

TEST(CompressedBody, LengthMustBeTheTruth) {
  for (const Compression algorithm : kAlgorithms) {
    const Bytes body = packed_zeros(algorithm, 5000);
    const BytesView packed = packed_part(body);
    EXPECT_THAT(unpacks(body, 5000), IsOk());
    for (const std::uint64_t lie :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4999}, std::uint64_t{5001},
          std::uint64_t{1} << 20, std::uint64_t{1} << 30, (std::uint64_t{1} << 30) + 1,
          std::uint64_t{1} << 32, kNoCap}) {
      const Bytes lying = body_saying(algorithm, lie, packed);
      EXPECT_THAT(unpacks(lying, 5000), HasErrc(Errc::decode)) << lie;
      EXPECT_THAT(unpacks(lying, static_cast<std::uint32_t>(lie)), HasErrc(Errc::decode)) << lie;
    }
  }
}

TEST(CompressedBody, LengthIsAtMostThatOfAFrame) {
  const Bytes packed(4);
  EXPECT_THAT(split_body(header_of(1), body_saying(Compression::lz4, 1u << 30, packed)), IsOk());
  EXPECT_THAT(split_body(header_of(1), body_saying(Compression::lz4, (1u << 30) + 1, packed)),
              HasErrc(Errc::decode));
}

// A block of literals only, as LZ4 makes it of what it cannot compress.
TEST(CompressedBody, NotSmallerThanThePlainOneIsRefused) {
  const auto block_of = [](std::size_t literals) {
    Bytes block{std::byte{0xF0}, static_cast<std::byte>(literals - 15)};
    block.resize(2 + literals);
    return block;
  };
  const Bytes block = block_of(100);
  EXPECT_THAT(unpacks(body_saying(Compression::lz4, 100, block), 100), HasErrc(Errc::decode));
  // To the byte: two bytes of algorithm and length, and a packed part of n - 2 or n - 3.
  const Bytes whole = packed_zeros(Compression::lz4, 100);
  const std::size_t packed = packed_part(whole).size();
  ASSERT_LT(packed, 40u);
  EXPECT_THAT(
      split_body(header_of(1), body_saying(Compression::lz4, packed + 2, packed_part(whole))),
      HasErrc(Errc::decode));
  EXPECT_THAT(
      split_body(header_of(1), body_saying(Compression::lz4, packed + 3, packed_part(whole))),
      IsOk());
}

TEST(CompressedBody, EntriesMustFillWhatIsUnpacked) {
  for (const Compression algorithm : kAlgorithms) {
    const Bytes body = packed_zeros(algorithm, 100);
    EXPECT_THAT(unpacks(body, 99), HasErrc(Errc::decode));
    EXPECT_THAT(unpacks(body, 101), HasErrc(Errc::decode));
  }
}

TEST(CompressedBody, UnknownAlgorithmIsIncompatible) {
  const Bytes body = packed_zeros(Compression::lz4, 100);
  for (int kind = 0; kind < 256; ++kind) {
    if (kind == 1 || kind == 2) continue;
    Bytes other = body;
    other[0] = static_cast<std::byte>(kind);
    EXPECT_THAT(unpacks(other, 100), HasErrc(Errc::incompatible)) << kind;
  }
}

TEST(CompressedBody, ExtrasStandInFrontAsTheyAre) {
  const Bytes packed = packed_zeros(Compression::zstd, 100);
  Bytes body{std::byte{0xAC}, std::byte{0x02}, std::byte{0x07}};
  body.insert(body.end(), packed.begin(), packed.end());
  FrameHeader header = header_of(100);
  header.flags |= kFlagSchema | kFlagRehomed;
  EXPECT_THAT(check_body(header, body), IsOk());
  const BodyParts parts = split_body(header, body).value();
  EXPECT_EQ(parts.extras.schema, 300u);
  EXPECT_EQ(parts.extras.original_epoch, 7u);
  EXPECT_EQ(parts.plain_bytes(), 103u);
}

// Under the sanitizers: any bytes give an answer, and never more than was announced.
TEST(CompressedBody, EveryFlipAndEveryTruncationGivesAnAnswer) {
  std::mt19937 random(3);
  Bytes entries;
  for (int n = 0; n < 12; ++n) {
    const Bytes text = text_bytes(100, 3, random);
    entries.push_back(std::byte{100});
    entries.insert(entries.end(), text.begin(), text.end());
  }
  for (const Compression algorithm : kAlgorithms) {
    const Bytes body = compressed_body(algorithm, entries);
    ASSERT_FALSE(body.empty());
    Decompressor decompressor;
    for (std::size_t n = 0; n < body.size(); ++n) {
      EXPECT_FALSE(unpacks(BytesView(body).first(n), 12)) << n;
    }
    for (std::size_t bit = 0; bit < body.size() * 8; ++bit) {
      Bytes flipped = body;
      flipped[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
      const auto parts = split_body(header_of(12), flipped);
      if (!parts) continue;
      const auto got = decompressor.entries_of(*parts);
      if (got) {
        EXPECT_EQ(got->size(), parts->entries_bytes) << bit;
      } else {
        EXPECT_THAT(got, HasErrc(Errc::decode)) << bit;
      }
    }
    Bytes longer = body;
    longer.push_back(std::byte{0});
    EXPECT_THAT(unpacks(longer, 12), HasErrc(Errc::decode));
  }
}

struct Scan {
  std::size_t frames = 0;
  FrameFault fault{};
  bool over_cap = false;
  std::uint64_t last_payload_bytes = 0;
};

Scan scan(const FramesByHand& segment, std::uint64_t cap = kNoCap) {
  const auto file = segment.file();
  FrameScanner scanner(*file, segment.header(), cap);
  Scan result;
  while (const auto frame = scanner.next().value()) {
    ++result.frames;
    PayloadCursor cursor(frame->entries);
    while (const auto payload = cursor.next()) result.last_payload_bytes = payload->size();
  }
  result.fault = scanner.fault();
  result.over_cap = scanner.over_readers_cap();
  return result;
}

TEST(CompressedFrame, StandsBetweenPlainOnes) {
  for (const Compression algorithm : kAlgorithms) {
    FramesByHand segment = FramesByHand().entries(1, 0, {"one"});
    segment.add(header_of(1, 2), compressed_body(algorithm, body_of({std::string(120, 'x')})));
    EXPECT_EQ(scan(segment).last_payload_bytes, 120u);
    EXPECT_EQ(scan(segment.entries(3, 2, {"three"})).frames, 3u);
  }
}

TEST(CompressedFrame, WhatIsWrongBehindARightChecksumIsStructure) {
  FramesByHand lying = FramesByHand().entries(1, 0, {"one"});
  const Bytes body = packed_zeros(Compression::zstd, 500);
  lying.add(header_of(500, 2), body_saying(Compression::zstd, 501, packed_part(body)));
  EXPECT_EQ(scan(lying).frames, 1u);
  EXPECT_EQ(scan(lying).fault, FrameFault::structure);
  FramesByHand newer = FramesByHand().entries(1, 0, {"one"});
  newer.add(header_of(500, 2), body_saying(static_cast<Compression>(3), 500, packed_part(body)));
  EXPECT_EQ(scan(newer).fault, FrameFault::unknown);
}

TEST(CompressedFrame, LimitCountsWhatIsDecompressed) {
  SegmentHeader header = first_header();
  header.max_frame_bytes = 500;
  for (const Compression algorithm : kAlgorithms) {
    for (const std::size_t over : {0, 1}) {
      FramesByHand segment(header);
      const std::size_t entries = 500 + kFrameExtraBytesMax - kFrameHeaderBytes + over;
      segment.add(header_of(entries), packed_zeros(algorithm, entries));
      const Scan found = scan(segment);
      EXPECT_EQ(found.frames, 1 - over);
      EXPECT_FALSE(found.over_cap);
    }
  }
}

TEST(CompressedFrame, ReadersOwnCapCountsWhatIsDecompressedToo) {
  FramesByHand segment;
  segment.add(header_of(1000), packed_zeros(Compression::lz4, 1000));
  ASSERT_LT(segment.last.body_bytes, 100u);
  const std::uint64_t exactly = 1000 + kFrameHeaderBytes - kFrameExtraBytesMax;
  EXPECT_EQ(scan(segment, exactly).frames, 1u);
  EXPECT_EQ(scan(segment, exactly - 1).frames, 0u);
  EXPECT_TRUE(scan(segment, exactly - 1).over_cap);
  EXPECT_EQ(scan(segment, exactly - 1).fault, FrameFault::structure);
}

TEST(CompressedFrame, EntryAboveTheLogsLimitIsStructure) {
  SegmentHeader header = first_header();
  header.max_entry_bytes = 100;
  for (const std::size_t over : {0, 1}) {
    FramesByHand segment(header);
    const Bytes entries = body_of({std::string(100 + over, 'x')});
    segment.add(header_of(1), compressed_body(Compression::zstd, entries));
    EXPECT_EQ(scan(segment).frames, 1 - over);
  }
}

}  // namespace
}  // namespace walkit::log
