#include "walkit/log/frame.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "base/little_endian.hpp"
#include "log/frames_by_hand.hpp"
#include "seed.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::frame {
namespace {

using ::testing::ElementsAre;
using testing::HasErrc;
using ::testing::HasSubstr;
using testing::IsOk;

constexpr Place kPlace{.salt = 0x1122334455667788, .offset = 1024};

Frame two_entries() {
  return {.entries = {EntryId{7}, EntryId{8}},
          .durable_through = EntryId{5},
          .schema = 300,
          .payloads = {as_bytes("seven"), as_bytes("")}};
}

Bytes encoded(const Frame& frame, Place place = kPlace) {
  Bytes out;
  encode(frame, place, out).value();
  return out;
}

/// Frames that no encode makes: by the private encoder, in a segment.
struct ByHand : log::FramesByHand {
  [[nodiscard]] Result<Frame> decoded() const {
    return decode(BytesView(bytes).subspan(last.offset), {header().salt(), last.offset});
  }
};

void expect_same(const Frame& a, const Frame& b) {
  EXPECT_EQ(a.entries, b.entries);
  EXPECT_EQ(a.durable_through, b.durable_through);
  EXPECT_EQ(a.schema, b.schema);
  ASSERT_EQ(a.payloads.size(), b.payloads.size());
  for (std::size_t i = 0; i < a.payloads.size(); ++i) {
    EXPECT_EQ(as_text(a.payloads[i]), as_text(b.payloads[i]));
  }
}

std::uint64_t seed_of_this_run() { return from_environment("WALKIT_SEED", 1); }

TEST(PublicFrame, DecodesWhatWasEncoded) {
  const Bytes bytes = encoded(two_entries());
  const auto read = decode(bytes, kPlace);
  ASSERT_THAT(read, IsOk());
  expect_same(*read, two_entries());
  EXPECT_EQ(read->bytes, bytes.size());
}

TEST(PublicFrame, PayloadsBorrowFromTheBytesGiven) {
  const Bytes bytes = encoded(two_entries());
  const auto read = decode(bytes, kPlace);
  ASSERT_THAT(read, IsOk());
  EXPECT_GE(read->payloads[0].data(), bytes.data());
  EXPECT_LT(read->payloads[0].data(), bytes.data() + bytes.size());
}

TEST(PublicFrame, FramesFollowEachOther) {
  Bytes out;
  ASSERT_THAT(encode(two_entries(), kPlace, out), IsOk());
  const Place next{kPlace.salt, kPlace.offset + out.size()};
  const Frame second{.entries = {EntryId{9}, EntryId{9}}, .payloads = {as_bytes("nine")}};
  const std::size_t begin = out.size();
  ASSERT_THAT(encode(second, next, out), IsOk());
  EXPECT_EQ(decode(out, kPlace).value().bytes, begin);
  const auto read = decode(BytesView(out).subspan(begin), next);
  ASSERT_THAT(read, IsOk());
  expect_same(*read, second);
}

TEST(PublicFrame, PayloadsMayLieInTheOutput) {
  Bytes out(as_bytes("seven").begin(), as_bytes("seven").end());
  out.shrink_to_fit();
  Frame frame = two_entries();
  frame.payloads[0] = BytesView(out);
  ASSERT_THAT(encode(frame, kPlace, out), IsOk());
  EXPECT_EQ(BytesView(out).size(), 5 + encoded(two_entries()).size());
  EXPECT_TRUE(std::ranges::equal(BytesView(out).subspan(5), encoded(two_entries())));
}

/// What the golden log holds is what encode makes, but for what it has no field for.
TEST(PublicFrame, ReadsAndMakesTheFramesOfTheGoldenLog) {
  std::ifstream in(WALKIT_SOURCE_DIR
                   "/tests/golden/plain/00000000000000000001-00000000000000000001.wal",
                   std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const BytesView file = as_bytes(text);
  std::uint64_t id = 1;
  Place place{.salt = 0xbefa2b9e09afe65e, .offset = 0x200};
  for (const std::string_view payload : {"one", "two", "three"}) {
    const auto read = decode(file.subspan(place.offset), place);
    ASSERT_THAT(read, IsOk());
    expect_same(*read, {.entries = {EntryId{id}, EntryId{id}},
                        .durable_through = EntryId{id - 1},
                        .schema = 0,
                        .payloads = {as_bytes(payload)}});
    Bytes golden(file.begin() + static_cast<std::ptrdiff_t>(place.offset),
                 file.begin() + static_cast<std::ptrdiff_t>(place.offset + read->bytes));
    Bytes made = encoded(*read, place);
    for (Bytes* frame : {&golden, &made}) {
      ASSERT_GE(frame->size(), 64u);
      std::fill_n(frame->begin() + 4, 4, std::byte{0});    // header CRC
      std::fill_n(frame->begin() + 40, 12, std::byte{0});  // time, chain
    }
    EXPECT_EQ(made, golden);
    place.offset += read->bytes;
    ++id;
  }
  EXPECT_THAT(decode(file.subspan(place.offset), place), HasErrc(Errc::decode));
}

TEST(PublicFrame, EveryTruncationIsTorn) {
  const Bytes bytes = encoded(two_entries());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_THAT(decode(BytesView(bytes).first(n), kPlace), HasErrc(Errc::torn)) << n;
  }
}

TEST(PublicFrame, WhatIsBehindItIsNotLookedAt) {
  Bytes bytes = encoded(two_entries());
  bytes.insert(bytes.end(), 100, std::byte{0xff});
  EXPECT_THAT(decode(bytes, kPlace), IsOk());
}

TEST(PublicFrame, EveryFlippedBitIsSeen) {
  Bytes bytes = encoded(two_entries());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    const Errc code = bit < 32 ? Errc::decode : Errc::corrupt;  // the magic is no checksum's
    EXPECT_THAT(decode(bytes, kPlace), HasErrc(code)) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
  }
  EXPECT_THAT(decode(bytes, kPlace), IsOk());
}

TEST(PublicFrame, IsOfOnePlaceOnly) {
  const Bytes bytes = encoded(two_entries());
  EXPECT_THAT(decode(bytes, {kPlace.salt + 1, kPlace.offset}), HasErrc(Errc::corrupt));
  EXPECT_THAT(decode(bytes, {kPlace.salt, kPlace.offset + 8}), HasErrc(Errc::decode));
  EXPECT_THAT(decode(bytes, {kPlace.salt, 0}), HasErrc(Errc::decode));
}

TEST(PublicFrame, APlaceWhereNoFrameBeginsIsRefused) {
  const Bytes bytes = encoded(two_entries());
  for (const std::uint64_t offset : {1ull, 1028ull, 504ull, 456ull, 1ull << 63, ~0ull}) {
    const Place place{kPlace.salt, offset};
    Bytes out;
    EXPECT_THAT(encode(two_entries(), place, out), HasErrc(Errc::invalid_argument)) << offset;
    EXPECT_THAT(decode(bytes, place), HasErrc(Errc::invalid_argument)) << offset;
  }
  const Place last{kPlace.salt, (1ull << 63) - 512};
  EXPECT_THAT(decode(encoded(two_entries(), last), last), IsOk());
}

TEST(PublicFrame, BytesThatAreNoneAreNoFrame) {
  EXPECT_THAT(decode(Bytes(64), kPlace), HasErrc(Errc::decode));
  EXPECT_THAT(decode(Bytes(3), kPlace), HasErrc(Errc::decode));
  EXPECT_THAT(decode(as_bytes("a text that is no frame"), kPlace), HasErrc(Errc::decode));
}

TEST(PublicFrame, ControlFramesAreNamed) {
  const struct {
    std::uint8_t kind;
    const char* name;
  } kinds[] = {{2, "marker"}, {3, "loss"}, {4, "close"}, {5, "seal"}, {0x81, "kind 129"}};
  for (const auto& [kind, name] : kinds) {
    ByHand frames;
    frames.add(log::control(static_cast<log::FrameKind>(kind), EntryId{1}), as_bytes("x"));
    const auto read = frames.decoded();
    ASSERT_THAT(read, HasErrc(Errc::decode)) << name;
    EXPECT_THAT(read.error().message, HasSubstr(name));
  }
}

TEST(PublicFrame, AnUnknownKindOrFlagIsIncompatible) {
  ByHand kind;
  kind.add(log::control(static_cast<log::FrameKind>(6), EntryId{1}), {});
  EXPECT_THAT(kind.decoded(), HasErrc(Errc::incompatible));
  for (int bit = 3; bit < 16; ++bit) {
    ByHand flag;
    const auto flags = static_cast<std::uint16_t>(1u << bit);
    flag.add({.first = EntryId{1}, .count = 1, .flags = flags}, log::body_of({"a"}));
    EXPECT_THAT(flag.decoded(), HasErrc(Errc::incompatible)) << bit;
  }
}

TEST(PublicFrame, ACompressedFrameIsNotSupported) {
  const Bytes entries = log::body_of({std::string(1000, 'a')});
  ByHand compressed;
  compressed.add({.first = EntryId{1}, .count = 1, .flags = log::kFlagCompressed},
                 log::compressed_body(Compression::lz4, entries));
  EXPECT_THAT(compressed.decoded(), HasErrc(Errc::not_supported));
}

TEST(PublicFrame, ARehomedFrameReadsAsAnyOther) {
  ByHand frames;
  Bytes body{std::byte{9}};  // its original epoch
  const Bytes entries = log::body_of({"a", "b"});
  body.insert(body.end(), entries.begin(), entries.end());
  frames.add({.first = EntryId{4}, .count = 2, .flags = log::kFlagRehomed}, body);
  const auto read = frames.decoded();
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(as_text(read->payloads[1]), "b");
}

TEST(PublicFrame, ABodyOrWatermarkThatNoWriterMakesIsNoFrame) {
  ByHand fewer, more, ahead;
  fewer.add({.first = EntryId{1}, .count = 2}, log::body_of({"a"}));
  EXPECT_THAT(fewer.decoded(), HasErrc(Errc::decode));
  more.add({.first = EntryId{1}, .count = 1}, log::body_of({"a", "b"}));
  EXPECT_THAT(more.decoded(), HasErrc(Errc::decode));
  ahead.add({.first = EntryId{1}, .durable_through = EntryId{1}, .count = 1}, log::body_of({"a"}));
  EXPECT_THAT(ahead.decoded(), HasErrc(Errc::decode));
}

TEST(PublicFrame, ArgumentsThatAreNoFrameLeaveTheOutputAlone) {
  const auto refused = [](auto change) {
    Frame frame = two_entries();
    change(frame);
    Bytes out{std::byte{1}};
    const Status status = encode(frame, kPlace, out);
    EXPECT_EQ(out.size(), 1u);
    return status;
  };
  const auto invalid = HasErrc(Errc::invalid_argument);
  EXPECT_THAT(refused([](Frame& f) { f.entries = {}; }), invalid);
  EXPECT_THAT(refused([](Frame& f) { f.entries = {EntryId{0}, EntryId{1}}; }), invalid);
  EXPECT_THAT(refused([](Frame& f) { f.entries = {EntryId::max() - 1, EntryId::max()}; }), invalid);
  EXPECT_THAT(refused([](Frame& f) { f.entries.last = EntryId{9}; }), invalid);
  EXPECT_THAT(refused([](Frame& f) { f.payloads.pop_back(); }), invalid);
  EXPECT_THAT(refused([](Frame& f) { f.durable_through = EntryId{7}; }), invalid);
  EXPECT_THAT(refused([](Frame& f) { f.entries = {EntryId{1}, EntryId::max() - 1}; }), invalid);
}

/// A header as it stands before a body of this length, and no body.
Bytes header_of(std::uint32_t body_bytes, std::uint16_t flags = 0) {
  log::FrameHeader header{.stored_bytes = (body_bytes + 511) / 512 * 512 + 448,
                          .body_bytes = body_bytes,
                          .first = EntryId{1},
                          .offset = kPlace.offset,
                          .count = 1,
                          .flags = flags};
  Bytes bytes(log::kFrameHeaderBytes);
  log::encode_frame_header(header, log::frame_seed(kPlace.salt), bytes.data());
  return bytes;
}

TEST(PublicFrame, BothDirectionsRefuseMoreThanTheFormatAllows) {
  const Bytes piece(16 << 20);
  Frame frame{.payloads = std::vector<BytesView>(64, BytesView(piece))};
  frame.entries = {EntryId{1}, EntryId{64}};
  Bytes out;
  EXPECT_THAT(encode(frame, kPlace, out), HasErrc(Errc::too_large));
  EXPECT_EQ(out.capacity(), 0u);
  // A header alone is enough to refuse; the schema before the entries does not count.
  constexpr std::uint32_t kBodyMax = (1u << 30) - 64;
  EXPECT_THAT(decode(header_of(kBodyMax), kPlace), HasErrc(Errc::torn));
  EXPECT_THAT(decode(header_of(kBodyMax + 32), kPlace), HasErrc(Errc::torn));
  EXPECT_THAT(decode(header_of(kBodyMax + 33), kPlace), HasErrc(Errc::too_large));
}

TEST(PublicFrame, RandomFramesRoundTrip) {
  const std::uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("WALKIT_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Bytes> payloads(1 + random() % 20);
    for (Bytes& payload : payloads) {
      payload.resize(random() % (round % 50 == 0 ? 5000 : 80));
      for (std::byte& b : payload) b = static_cast<std::byte>(random());
    }
    Frame frame{.schema = static_cast<std::uint32_t>(random() >> (32 + random() % 32))};
    const std::uint64_t first = 1 + (random() >> (1 + random() % 63));
    frame.entries = {EntryId{first}, EntryId{first + payloads.size() - 1}};
    frame.durable_through = EntryId{random() % first};
    frame.payloads.assign(payloads.begin(), payloads.end());
    const Place place{random(), log::next_frame_offset(random() >> (2 + random() % 62))};
    const Bytes bytes = encoded(frame, place);
    const auto read = decode(bytes, place);
    ASSERT_THAT(read, IsOk()) << round;
    expect_same(*read, frame);
    EXPECT_EQ(read->bytes, bytes.size());
    EXPECT_EQ(encoded(*read, place), bytes);
    EXPECT_EQ(log::next_frame_offset(place.offset + bytes.size()), place.offset + bytes.size());
  }
}

/// Any bytes behind a header that holds: an answer, and what is a frame encodes again.
TEST(PublicFrame, RandomBodiesAreReadOrRefused) {
  const std::uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("WALKIT_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  int held = 0;
  for (int round = 0; round < 20000; ++round) {
    Bytes body(random() % 12);
    for (std::byte& b : body) b = static_cast<std::byte>(random() % (round % 2 == 0 ? 4 : 256));
    ByHand frames;
    frames.add({.first = EntryId{1 + random() % 3},
                .durable_through = EntryId{random() % 3},
                .count = static_cast<std::uint32_t>(1 + random() % 4),
                .flags = static_cast<std::uint16_t>(random() % 4)},
               body);
    const auto read = frames.decoded();
    if (!read) continue;
    ++held;
    Bytes again;
    EXPECT_THAT(encode(*read, {frames.header().salt(), frames.last.offset}, again), IsOk());
  }
  EXPECT_GT(held, 100);
}

}  // namespace
}  // namespace walkit::frame
