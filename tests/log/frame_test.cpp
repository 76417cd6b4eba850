#include "log/frame.hpp"

#include <initializer_list>
#include <optional>
#include <random>

#include "base/little_endian.hpp"
#include "log/frames_by_hand.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::log {
namespace {

using testing::HasErrc;
using testing::IsOk;

constexpr std::uint64_t kSalt = 0x1122334455667788;

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

std::optional<std::uint64_t> parsed(const Bytes& bytes) {
  BytesView rest = bytes;
  return take_varint(rest);
}

FrameHeader frame() {
  return {.stored_bytes = 0x48,
          .body_bytes = 0x41,
          .first = EntryId{0x1112},
          .durable_through = EntryId{0x1110},
          .offset = 0x400,
          .time_ns = 0x2122232425262728,
          .chain = 0x31323334,
          .body_crc = 0x41424344,
          .count = 3,
          .flags = kFlagSchema};
}

FrameHeaderBytes encoded(FrameHeader header) {
  FrameHeaderBytes bytes;
  encode_frame_header(header, frame_seed(kSalt), bytes.data());
  return bytes;
}

bool holds(const FrameHeader& header) {
  return decode_frame_header(encoded(header), frame_seed(kSalt), header.offset).has_value();
}

TEST(Varint, RoundTripsAtEveryLength) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t value : {1ull << bit, (1ull << bit) - 1, ~0ull >> bit}) {
      Bytes bytes(kVarintBytesMax);
      bytes.resize(store_varint(value, bytes.data()));
      EXPECT_EQ(bytes.size(), varint_bytes(value));
      EXPECT_EQ(parsed(bytes), value);
    }
  }
}

TEST(Varint, TakesOnlyItsOwnBytes) {
  const Bytes bytes = bytes_of({0xAC, 0x02, 0x07});
  BytesView rest = bytes;
  EXPECT_EQ(take_varint(rest), 300u);
  EXPECT_EQ(take_varint(rest), 7u);
  EXPECT_TRUE(rest.empty());
}

TEST(Varint, LongerThanItNeedBeIsNone) {
  EXPECT_EQ(parsed(bytes_of({0x80, 0x00})), std::nullopt);
  EXPECT_EQ(parsed(bytes_of({0xff, 0x80, 0x00})), std::nullopt);
  EXPECT_EQ(parsed(bytes_of({0x00})), 0u);
}

TEST(Varint, OverSixtyFourBitsIsNone) {
  Bytes bytes(9, std::byte{0xff});
  bytes.push_back(std::byte{1});
  EXPECT_EQ(parsed(bytes), ~0ull);
  bytes.back() = std::byte{2};
  EXPECT_EQ(parsed(bytes), std::nullopt);
  bytes.back() = std::byte{0x81};
  bytes.push_back(std::byte{1});
  EXPECT_EQ(parsed(bytes), std::nullopt);
}

TEST(Varint, CutShortIsNone) {
  EXPECT_EQ(parsed({}), std::nullopt);
  EXPECT_EQ(parsed(bytes_of({0x80})), std::nullopt);
  EXPECT_EQ(parsed(bytes_of({0xff, 0xff})), std::nullopt);
}

TEST(FrameHeader, RoundTrips) {
  const auto read = decode_frame_header(encoded(frame()), frame_seed(kSalt), 0x400);
  ASSERT_TRUE(read);
  EXPECT_EQ(encoded(*read), encoded(frame()));
  EXPECT_EQ(read->last(), EntryId{0x1114});
  EXPECT_EQ(read->end(), 0x400u + 64 + 0x48);
}

TEST(FrameHeader, FieldsStandWhereFormatMdSays) {
  const FrameHeaderBytes bytes = encoded(frame());
  const auto u32 = [&](std::size_t at) { return load_le<std::uint32_t>(bytes.data() + at); };
  const auto u64 = [&](std::size_t at) { return load_le<std::uint64_t>(bytes.data() + at); };
  EXPECT_EQ(u32(0), 0x726657F7u);
  EXPECT_EQ(u32(8), 0x48u);
  EXPECT_EQ(u32(12), 0x41u);
  EXPECT_EQ(u64(16), 0x1112u);
  EXPECT_EQ(u64(24), 0x1110u);
  EXPECT_EQ(u64(32), 0x400u);
  EXPECT_EQ(u64(40), 0x2122232425262728u);
  EXPECT_EQ(u32(48), 0x31323334u);
  EXPECT_EQ(u32(52), 0x41424344u);
  EXPECT_EQ(u32(56), 3u);
  EXPECT_EQ(u32(60), 0xA5000101u);  // kind, flags, end mark
}

TEST(FrameHeader, ChecksumIsOverSaltAndAllThatFollowsIt) {
  const FrameHeaderBytes bytes = encoded(frame());
  Bytes covered = bytes_of({0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11});
  covered.insert(covered.end(), bytes.begin() + 8, bytes.end());
  EXPECT_EQ(load_le<std::uint32_t>(bytes.data() + 4), crc32c(covered));
}

TEST(FrameHeader, EveryFlippedBitIsRefused) {
  FrameHeaderBytes bytes = encoded(frame());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    EXPECT_FALSE(decode_frame_header(bytes, frame_seed(kSalt), 0x400)) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
  }
  EXPECT_TRUE(decode_frame_header(bytes, frame_seed(kSalt), 0x400));
}

TEST(FrameHeader, WrongPlaceWrongSaltAndCutShortAreRefused) {
  const FrameHeaderBytes bytes = encoded(frame());
  EXPECT_FALSE(decode_frame_header(bytes, frame_seed(kSalt), 0x408));
  EXPECT_FALSE(decode_frame_header(bytes, frame_seed(kSalt + 1), 0x400));
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(decode_frame_header(BytesView(bytes).first(n), frame_seed(kSalt), 0x400));
  }
}

TEST(FrameHeader, ImpossibleFieldsAreRefusedBehindARightChecksum) {
  const auto with = [](auto change) {
    FrameHeader header = frame();
    change(header);
    return holds(header);
  };
  EXPECT_TRUE(with([](FrameHeader&) {}));
  EXPECT_FALSE(with([](FrameHeader& h) { h.body_bytes = h.stored_bytes + 1; }));
  EXPECT_FALSE(with([](FrameHeader& h) { h.stored_bytes = h.body_bytes + 4096; }));
  EXPECT_FALSE(with([](FrameHeader& h) { h.stored_bytes += 1; }));
  EXPECT_FALSE(with([](FrameHeader& h) { h.count = 0; }));
  EXPECT_FALSE(with([](FrameHeader& h) { h.kind = 2; }));
  EXPECT_FALSE(with([](FrameHeader& h) { h.first = EntryId{}; }));
  EXPECT_FALSE(with([](FrameHeader& h) { h.first = EntryId::max(); }));
}

TEST(FrameHeader, ZerosAreNoFrame) {
  EXPECT_FALSE(decode_frame_header(FrameHeaderBytes{}, frame_seed(0), 0));
}

TEST(FrameBody, HoldsExactlyTheCountedEntries) {
  const Bytes body = body_of({"one", "", "three"});
  FrameHeader header{.count = 3};
  EXPECT_THAT(check_body(header, body), IsOk());
  for (const std::uint32_t count : {1u, 2u, 4u, 0xffffffffu}) {
    header.count = count;
    EXPECT_THAT(check_body(header, body), HasErrc(Errc::decode)) << count;
  }
}

TEST(FrameBody, TruncatedOrLongerIsRefused) {
  Bytes body = body_of({"one", "two"});
  const FrameHeader header{.count = 2};
  for (std::size_t n = 0; n < body.size(); ++n) {
    EXPECT_THAT(check_body(header, BytesView(body).first(n)), HasErrc(Errc::decode)) << n;
  }
  body.push_back(std::byte{0});
  EXPECT_THAT(check_body(header, body), HasErrc(Errc::decode));
}

TEST(FrameBody, LengthBeyondTheBodyIsRefused) {
  EXPECT_THAT(check_body({.count = 1}, bytes_of({5, 'a', 'b'})), HasErrc(Errc::decode));
  Bytes body(9, std::byte{0xff});
  body.push_back(std::byte{1});
  EXPECT_THAT(check_body({.count = 1}, body), HasErrc(Errc::decode));
}

TEST(FrameBody, ExtrasStandBeforeTheEntriesBySchemaThenEpoch) {
  const Bytes body = bytes_of({0xAC, 0x02, 0x07, 0x01, 'x'});
  const FrameHeader header{.count = 1, .flags = kFlagSchema | kFlagRehomed};
  EXPECT_THAT(check_body(header, body), IsOk());
  const BodyParts parts = split_body(header, body).value();
  EXPECT_EQ(parts.extras.schema, 300u);
  EXPECT_EQ(parts.extras.original_epoch, 7u);
  EXPECT_EQ(parts.extras_bytes, 3u);
  PayloadCursor cursor(parts.stored);
  EXPECT_EQ(as_text(cursor.next().value()), "x");
  EXPECT_TRUE(cursor.at_end());
}

TEST(FrameBody, BadExtrasAreRefused) {
  const FrameHeader schema{.count = 1, .flags = kFlagSchema};
  EXPECT_THAT(check_body(schema, bytes_of({0, 0})), HasErrc(Errc::decode));
  EXPECT_THAT(check_body(schema, bytes_of({0x80, 0x80, 0x80, 0x80, 0x10, 0})),
              HasErrc(Errc::decode));
  EXPECT_THAT(check_body(schema, bytes_of({0xff, 0xff, 0xff, 0xff, 0x0f, 0})), IsOk());
  EXPECT_THAT(check_body({.count = 1, .flags = kFlagRehomed}, {}), HasErrc(Errc::decode));
}

TEST(FrameBody, UnknownFlagOrKindIsIncompatible) {
  for (int bit = 3; bit < 16; ++bit) {
    const FrameHeader header{.count = 1, .flags = static_cast<std::uint16_t>(1u << bit)};
    EXPECT_THAT(check_body(header, body_of({"a"})), HasErrc(Errc::incompatible)) << bit;
  }
  for (int kind = 0; kind < 256; ++kind) {
    const bool known = (kind >= 2 && kind <= 5) || kind >= 0x80;
    if (kind == 1) continue;
    const FrameHeader header{.kind = static_cast<std::uint8_t>(kind)};
    EXPECT_EQ(check_body(header, as_bytes("any")).has_value(), known) << kind;
  }
}

// With a body that a frame of entries might have.
TEST(FrameBody, FlagOnAControlFrameIsIncompatible) {
  const Bytes body = compressed_body(Compression::lz4, Bytes(100));
  for (const std::uint16_t flag : {kFlagSchema, kFlagRehomed, kFlagCompressed}) {
    EXPECT_THAT(split_body({.count = 1, .flags = flag}, body), IsOk()) << flag;
    for (const int kind : {2, 3, 4, 5, 0x80}) {
      const FrameHeader header{.kind = static_cast<std::uint8_t>(kind), .flags = flag};
      EXPECT_THAT(split_body(header, body), HasErrc(Errc::incompatible)) << kind;
    }
  }
}

TEST(LossBody, RoundTrips) {
  const LossBody loss{{EntryId{5}, EntryId{9}}, "a bad sector"};
  const auto read = decode_loss(encode_loss(loss));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->entries, loss.entries);
  EXPECT_EQ(read->cause, loss.cause);
}

TEST(LossBody, TruncatedBackwardOrEndlessIsNone) {
  const Bytes body = encode_loss({{EntryId{5}, EntryId{9}}, ""});
  for (std::size_t n = 0; n < body.size(); ++n) EXPECT_FALSE(decode_loss(BytesView(body).first(n)));
  EXPECT_FALSE(decode_loss(encode_loss({{EntryId{5}, EntryId{4}}, ""})));
  EXPECT_FALSE(decode_loss(encode_loss({{EntryId{5}, EntryId::max()}, ""})));
}

TEST(SealBody, RoundTrips) {
  for (const std::size_t lines : {0, 1, 7}) {
    std::vector<IndexEntry> index;
    for (std::size_t i = 0; i < lines; ++i) index.push_back({EntryId{i + 1}, 512 * i, 99 + i});
    Bytes body(seal_body_bytes(lines));
    encode_seal(index, body.data());
    EXPECT_EQ(decode_seal(body), index);
  }
}

TEST(SealBody, EveryOtherLengthOrCountIsNone) {
  Bytes body(seal_body_bytes(2));
  encode_seal({{EntryId{1}, 2, 3}, {EntryId{4}, 5, 6}}, body.data());
  for (std::size_t n = 0; n < body.size(); ++n) EXPECT_FALSE(decode_seal(BytesView(body).first(n)));
  for (const std::uint64_t count : {0ull, 1ull, 3ull, 1ull << 61, ~0ull}) {
    store_le(body.data(), count);
    EXPECT_FALSE(decode_seal(body)) << count;
  }
}

// Under the sanitizers: any bytes give an answer, in bounded time and memory.
TEST(FrameBody, DecodersAreTotalOverRandomBytes) {
  constexpr unsigned kSeed = 20240;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 20'000; ++round) {
    Bytes body(random() % 80);
    for (std::byte& b : body) b = static_cast<std::byte>(random() % 3 == 0 ? 0 : random());
    const FrameHeader header{.count = static_cast<std::uint32_t>(random() % 5),
                             .kind = static_cast<std::uint8_t>(random() % 8),
                             .flags = static_cast<std::uint16_t>(random() % 16)};
    check_body(header, body).ignore("any answer will do");
    if (const auto loss = decode_loss(body)) {
      EXPECT_EQ(encode_loss(*loss), body) << "seed " << kSeed << " round " << round;
    }
    if (const auto index = decode_seal(body)) {
      EXPECT_EQ(seal_body_bytes(index->size()), body.size()) << "seed " << kSeed;
    }
    EXPECT_FALSE(decode_frame_header(body, frame_seed(kSalt), 0)) << "seed " << kSeed;
  }
}

}  // namespace
}  // namespace walkit::log
