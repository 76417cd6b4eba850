#include "log/format.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/crc32c.hpp"
#include "base/little_endian.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::log {
namespace {

using testing::HasErrc;
using testing::IsOk;

LogIdentity identity() {
  LogIdentity log;
  for (std::size_t i = 0; i < log.size(); ++i) log[i] = static_cast<std::byte>(0xA0 + i);
  return log;
}

SegmentHeader segment_header() {
  SegmentHeader h;
  h.log = identity();
  h.number = 0x0102030405060708;
  h.first = EntryId{11};
  h.epoch = 12;
  h.durable_through = EntryId{10};
  h.rehomed_through = EntryId{13};
  h.created_ns = 14;
  h.prev_number = 15;
  h.prev_last = EntryId{10};
  h.prev_end = 16;
  h.prev_seal_end = 17;
  h.prev_chain = 18;
  h.layout = Layout::whole_blocks;
  h.codec = 19;
  h.schema = 20;
  h.max_entry_bytes = 21;
  h.max_frame_bytes = 22;
  h.type_name = "order";
  return h;
}

ManifestSlot manifest_slot() {
  return {.log = identity(),
          .generation = 21,
          .epoch = 22,
          .first_segment = 23,
          .last_segment = 24,
          .first_salt = 25,
          .last_salt = 26,
          .last_segment_first = EntryId{27},
          .durable_through = EntryId{28},
          .clean = false,
          .begins_after = EntryId{29}};
}

LockRecord lock_record() {
  return {.log = identity(), .process = 31, .epoch = 32, .durable_through = EntryId{33}};
}

PinRecord pin_record() {
  return {.log = identity(), .from = EntryId{41}, .bytes_max = 42, .created_ns = 43};
}

Bytes segment_bytes() {
  SegmentHeader header = segment_header();
  const auto bytes = encode(header);
  return {bytes.begin(), bytes.end()};
}
Bytes manifest_bytes() {
  const auto bytes = encode(manifest_slot());
  return {bytes.begin(), bytes.end()};
}
Bytes lock_bytes() {
  const auto bytes = encode(lock_record());
  return {bytes.begin(), bytes.end()};
}

Bytes pin_bytes() {
  const auto bytes = encode(pin_record());
  return {bytes.begin(), bytes.end()};
}

/// After a change that its maker vouches for.
void make_checksum_fit(Bytes& header) {
  const BytesView all = header;
  store_le(header.data() + 28, crc32c(all.subspan(32), crc32c(all.first(28))));
}

std::uint64_t u64(const Bytes& bytes, std::size_t at) {
  return load_le<std::uint64_t>(bytes.data() + at);
}
std::uint32_t u32(const Bytes& bytes, std::size_t at) {
  return load_le<std::uint32_t>(bytes.data() + at);
}

/// The headers, as one who knows only bytes sees them.
struct Kind {
  std::string name;
  Bytes bytes;
  std::function<Status(BytesView)> decode;
};

template <class Decode>
std::function<Status(BytesView)> status_of(Decode decode) {
  return [decode](BytesView bytes) -> Status {
    const auto result = decode(bytes);
    return result ? Status{} : Status(result.error());
  };
}

std::vector<Kind> kinds() {
  return {{"segment", segment_bytes(), status_of(decode_segment_header)},
          {"manifest", manifest_bytes(), status_of(decode_manifest_slot)},
          {"lock", lock_bytes(), status_of(decode_lock_record)},
          {"pin", pin_bytes(), status_of(decode_pin_record)}};
}

TEST(Format, SegmentHeaderRoundTrips) {
  SegmentHeader wrote = segment_header();
  const auto bytes = encode(wrote);
  const SegmentHeader read = decode_segment_header(bytes).value();
  EXPECT_EQ(read.crc, wrote.crc);
  EXPECT_EQ(read.type_name, "order");
  EXPECT_EQ(read.layout, Layout::whole_blocks);
  SegmentHeader again = read;
  EXPECT_EQ(encode(again), bytes);
}

TEST(Format, ManifestSlotRoundTrips) {
  const ManifestSlot read = decode_manifest_slot(manifest_bytes()).value();
  EXPECT_EQ(read.durable_through, EntryId{28});
  EXPECT_FALSE(read.clean);
  EXPECT_EQ(encode(read), encode(manifest_slot()));
}

TEST(Format, LockRecordRoundTrips) {
  EXPECT_EQ(decode_lock_record(lock_bytes()).value(), lock_record());
}

TEST(Format, LongestTypeNameRoundTrips) {
  SegmentHeader header = segment_header();
  header.type_name = std::string(kTypeNameBytesMax, 'n');
  EXPECT_EQ(decode_segment_header(encode(header)).value().type_name, header.type_name);
}

TEST(Format, PrefixStandsWhereFormatMdSays) {
  const char* const magics[] = {"\x89WALKSEG", "\x89WALKMAN", "\x89WALKLOK", "\x89WALKPIN"};
  const std::uint32_t lengths[] = {512, 4096, 512, 512};
  for (std::size_t i = 0; i < kinds().size(); ++i) {
    const Bytes bytes = kinds()[i].bytes;
    EXPECT_EQ(as_text(BytesView(bytes).first(8)), magics[i]);
    EXPECT_EQ(bytes.size(), lengths[i]);
    EXPECT_EQ(u32(bytes, 8), lengths[i]);
    for (const std::size_t at : {12, 16, 20, 24}) EXPECT_EQ(u32(bytes, at), 0u) << at;
    Bytes again = bytes;
    make_checksum_fit(again);
    EXPECT_EQ(again, bytes);
  }
}

TEST(Format, SegmentFieldsStandWhereFormatMdSays) {
  const Bytes bytes = segment_bytes();
  EXPECT_EQ(bytes[32], std::byte{0xA0});
  EXPECT_EQ(bytes[47], std::byte{0xAF});
  const std::uint64_t values[] = {
      0x0102030405060708, 11, 12, segment_header().salt(), 10, 13, 14, 15, 10, 16, 17};
  for (std::size_t i = 0; i < std::size(values); ++i)
    EXPECT_EQ(u64(bytes, 48 + 8 * i), values[i]) << i;
  for (std::uint32_t i = 0; i < 5; ++i) EXPECT_EQ(u32(bytes, 136 + 4 * i), 18 + i);
  EXPECT_EQ(bytes[156], std::byte{1});
  EXPECT_EQ(bytes[157], std::byte{5});
  EXPECT_EQ(as_text(BytesView(bytes).subspan(160, 5)), "order");
  EXPECT_TRUE(all_zero(BytesView(bytes).subspan(165)));
}

TEST(Format, ManifestFieldsStandWhereFormatMdSays) {
  const Bytes bytes = manifest_bytes();
  EXPECT_EQ(bytes[32], std::byte{0xA0});
  for (std::uint64_t i = 0; i < 8; ++i) EXPECT_EQ(u64(bytes, 48 + 8 * i), 21 + i);
  EXPECT_EQ(u64(bytes, 112), 0u);
  EXPECT_EQ(u64(bytes, 120), 29u);
  EXPECT_TRUE(all_zero(BytesView(bytes).subspan(128)));
  ManifestSlot clean = manifest_slot();
  clean.clean = true;
  EXPECT_EQ(encode(clean)[112], std::byte{1});
}

TEST(Format, LockFieldsStandWhereFormatMdSays) {
  const Bytes bytes = lock_bytes();
  EXPECT_EQ(bytes[32], std::byte{0xA0});
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(u64(bytes, 48 + 8 * i), 31 + i);
  EXPECT_TRUE(all_zero(BytesView(bytes).subspan(72)));
}

TEST(Format, PinFieldsStandWhereFormatMdSays) {
  const Bytes bytes = pin_bytes();
  EXPECT_EQ(bytes[32], std::byte{0xA0});
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(u64(bytes, 48 + 8 * i), 41 + i);
  EXPECT_TRUE(all_zero(BytesView(bytes).subspan(72)));
  const PinRecord read = decode_pin_record(bytes).value();
  EXPECT_EQ(encode(read), encode(pin_record()));
}

TEST(Format, EveryFlippedBitIsCorruptAndNeverNewer) {
  for (Kind& kind : kinds()) {
    for (std::size_t bit = 0; bit < kind.bytes.size() * 8; ++bit) {
      kind.bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
      EXPECT_THAT(kind.decode(kind.bytes), HasErrc(Errc::corrupt)) << kind.name << " bit " << bit;
      kind.bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    }
    EXPECT_THAT(kind.decode(kind.bytes), IsOk());
  }
}

TEST(Format, EveryTruncationIsCorrupt) {
  for (const Kind& kind : kinds()) {
    for (std::size_t bytes = 0; bytes < kind.bytes.size(); ++bytes) {
      EXPECT_THAT(kind.decode(BytesView(kind.bytes).first(bytes)), HasErrc(Errc::corrupt))
          << kind.name << " of " << bytes;
    }
  }
}

TEST(Format, ZerosAreCorrupt) {
  for (const Kind& kind : kinds()) {
    EXPECT_THAT(kind.decode(Bytes(kind.bytes.size())), HasErrc(Errc::corrupt)) << kind.name;
  }
}

TEST(Format, NewerVersionWithARightChecksumIsIncompatible) {
  for (Kind& kind : kinds()) {
    kind.bytes[12] = std::byte{1};
    make_checksum_fit(kind.bytes);
    EXPECT_THAT(kind.decode(kind.bytes), HasErrc(Errc::incompatible)) << kind.name;
  }
}

TEST(Format, RequiredFeatureIsIncompatibleAndIgnorableOneIsRead) {
  for (Kind& kind : kinds()) {
    Bytes bytes = kind.bytes;
    bytes[16] = std::byte{1};
    make_checksum_fit(bytes);
    EXPECT_THAT(kind.decode(bytes), HasErrc(Errc::incompatible)) << kind.name;
    bytes = kind.bytes;
    bytes[20] = std::byte{1};
    make_checksum_fit(bytes);
    EXPECT_THAT(kind.decode(bytes), IsOk()) << kind.name;
  }
}

TEST(Format, AnotherHeaderLengthWithARightChecksumIsIncompatible) {
  Bytes bytes = segment_bytes();
  bytes.resize(1024);
  store_le(bytes.data() + 8, std::uint32_t{1024});
  make_checksum_fit(bytes);
  EXPECT_THAT(decode_segment_header(bytes), HasErrc(Errc::incompatible));
}

TEST(Format, MagicIsJudgedBeforeTheChecksumAndThatBeforeTheVersion) {
  for (Kind& kind : kinds()) {
    kind.bytes[12] = std::byte{1};
    Status status = kind.decode(kind.bytes);
    ASSERT_THAT(status, HasErrc(Errc::corrupt));
    EXPECT_NE(status.error().message.find("checksum"), std::string::npos);
    kind.bytes[0] = std::byte{0};
    status = kind.decode(kind.bytes);
    ASSERT_THAT(status, HasErrc(Errc::corrupt));
    EXPECT_NE(status.error().message.find("magic"), std::string::npos);
    make_checksum_fit(kind.bytes);
    EXPECT_THAT(kind.decode(kind.bytes), HasErrc(Errc::corrupt));
  }
}

TEST(Format, OneKindOfHeaderNeverReadsAsAnother) {
  EXPECT_THAT(decode_lock_record(segment_bytes()), HasErrc(Errc::corrupt));
  EXPECT_THAT(decode_segment_header(lock_bytes()), HasErrc(Errc::corrupt));
  EXPECT_THAT(decode_manifest_slot(segment_bytes()), HasErrc(Errc::corrupt));
}

TEST(Format, ImpossibleHeaderLengthIsCorrupt) {
  for (const std::uint32_t length : {0u, 31u, 513u, 4097u, 0xffffffffu}) {
    Bytes bytes = segment_bytes();
    store_le(bytes.data() + 8, length);
    EXPECT_THAT(decode_segment_header(bytes), HasErrc(Errc::corrupt)) << length;
  }
}

TEST(Format, LayoutAndNameLengthOutOfRangeAreCorrupt) {
  for (const std::size_t at : {156, 157}) {
    Bytes bytes = segment_bytes();
    bytes[at] = std::byte{129};
    make_checksum_fit(bytes);
    EXPECT_THAT(decode_segment_header(bytes), HasErrc(Errc::corrupt)) << at;
  }
}

TEST(Format, SegmentsOutOfOrderAreNoManifestSlot) {
  const auto decoded = [](std::uint64_t first, std::uint64_t last) {
    ManifestSlot slot = manifest_slot();
    slot.first_segment = first;
    slot.last_segment = last;
    return decode_manifest_slot(encode(slot));
  };
  EXPECT_THAT(decoded(0, 0), IsOk()) << "none yet";
  EXPECT_THAT(decoded(7, 7), IsOk());
  EXPECT_THAT(decoded(0, 7), HasErrc(Errc::corrupt));
  EXPECT_THAT(decoded(7, 0), IsOk()) << "none yet, and the first will be the seventh";
  EXPECT_THAT(decoded(7, 6), HasErrc(Errc::corrupt));
}

TEST(Format, LogThatBeginsBehindAllIdsIsNoManifestSlot) {
  ManifestSlot slot = manifest_slot();
  slot.begins_after = EntryId::max() - 1;
  EXPECT_THAT(decode_manifest_slot(encode(slot)), IsOk());
  slot.begins_after = EntryId::max();
  EXPECT_THAT(decode_manifest_slot(encode(slot)), HasErrc(Errc::corrupt));
}

TEST(Format, UnverifiedHeaderIsWhatStandsThereIfAllOfItDoes) {
  Bytes bytes = segment_bytes();
  bytes[156] = std::byte{129};
  ASSERT_TRUE(unverified_segment_header(bytes));
  EXPECT_EQ(unverified_segment_header(bytes)->number, segment_header().number);
  bytes.resize(kSegmentHeaderBytes - 1);
  EXPECT_FALSE(unverified_segment_header(bytes));
}

TEST(Format, SaltDiffersByLogSegmentAndEpoch) {
  std::set<std::uint64_t> salts;
  std::size_t made = 0;
  for (const int log : {0, 1, 2}) {
    LogIdentity id = identity();
    id[log * 7] ^= static_cast<std::byte>(log);
    for (std::uint64_t segment = 1; segment <= 16; ++segment) {
      for (std::uint64_t epoch = 1; epoch <= 16; ++epoch, ++made) {
        salts.insert(segment_salt(id, segment, epoch));
      }
    }
  }
  EXPECT_EQ(salts.size(), made);
}

TEST(Format, SaltIsTheOneOfFormatMd) {
  // Computed by hand from the description, by tests/golden/read_log.py.
  EXPECT_EQ(segment_salt(LogIdentity{}, 1, 1), 0x6617114c4fdaa9c0u);
  EXPECT_EQ(segment_salt(identity(), 2, 3), 0xdef23453a96ad0e4u);
}

TEST(Format, FramesBeginOnEightBytesWithTheirHeaderInOneSector) {
  for (std::uint64_t offset = 0; offset < 3 * kSectorBytes; ++offset) {
    const std::uint64_t next = next_frame_offset(offset);
    EXPECT_GE(next, offset);
    EXPECT_LT(next, offset + kFrameHeaderBytes + kFrameAlignment);
    EXPECT_EQ(next % kFrameAlignment, 0u);
    EXPECT_EQ(next / kSectorBytes, (next + kFrameHeaderBytes - 1) / kSectorBytes);
    EXPECT_EQ(next_frame_offset(next), next);
  }
}

TEST(Format, FirstFrameStandsWhereTheLayoutSays) {
  EXPECT_EQ(first_frame_offset(Layout::packed), 512u);
  EXPECT_EQ(first_frame_offset(Layout::whole_blocks), 4096u);
  EXPECT_EQ(next_block_offset(4096), 4096u);
  EXPECT_EQ(next_block_offset(4097), 8192u);
}

}  // namespace
}  // namespace walkit::log
