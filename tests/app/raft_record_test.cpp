// What a Raft log writes into the physical log, byte by byte.

#include "app/raft_record.hpp"

#include <gtest/gtest.h>

#include "app/record_bytes.hpp"
#include "seed.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::raft {
namespace {

using testing::HasErrc;
using testing::IsOk;

Bytes bytes_of(const Record& record) {
  Bytes bytes;
  encode(record, bytes);
  return bytes;
}

const Bytes kPayload{std::byte{7}, std::byte{0}, std::byte{255}};

std::vector<Record> samples() {
  constexpr std::uint64_t kLarge = std::uint64_t{1} << 62;
  EntryRecord entry{.entry = {kLarge, ~std::uint64_t{0}, EntryKind::configuration, kPayload},
                    .schema = 4'000'000'000};
  EntryRecord with_progress{.entry = {3, 2, EntryKind::noop, {}}, .progress = Progress{2, 1}};
  return {{.group = 0, .what = entry},
          {.group = ~std::uint64_t{0}, .what = with_progress},
          {.group = 1, .what = HardStateRecord{{5, std::nullopt}}},
          {.group = 200, .what = HardStateRecord{{5, 0}}},
          {.group = 3, .what = ProgressRecord{{kLarge, 127}}},
          {.group = 4, .what = TruncateRecord{128}},
          {.group = 5, .what = BaseRecord{9, 2, 12, 3, false, 77, "orders.put"}},
          {.group = 6, .what = BaseRecord{13, 3, 12, 3, true, 0, ""}}};
}

TEST(RaftRecord, AllKindsRoundTrip) {
  for (const Record& record : samples()) {
    const Bytes bytes = bytes_of(record);
    const auto back = decode_record(bytes);
    ASSERT_THAT(back, IsOk());
    EXPECT_EQ(back->group, record.group);
    EXPECT_EQ(back->what.index(), record.what.index());
    EXPECT_EQ(bytes_of(*back), bytes);
  }
}

TEST(RaftRecord, AnEntryTakesElevenBytesBesideItsPayload) {
  const Record record{.what = EntryRecord{.entry = {1'000'000, 300, EntryKind::command, kPayload}}};
  EXPECT_EQ(bytes_of(record).size(), 1u + 1 + 3 + 2 + 1 + 1 + kPayload.size());
}

const auto kWrite = [](const Record& record) { return bytes_of(record); };
const auto kRead = [](BytesView bytes) { return decode_record(bytes); };

TEST(RaftRecord, NoBytesAreReadOtherwiseThanTheyAreWritten) {
  expect_read_only_as_written(samples(), kWrite, kRead);
}

TEST(RaftRecord, RandomBytesAreAnErrorOrARecord) {
  expect_random_bytes_read_as_written(Random(20261130), kWrite, kRead);
}

SnapshotHeader header() {
  SnapshotHeader header{.group = 4, .log_through = EntryId{99}, .installed = true};
  header.info = {.index = 12, .term = 3, .membership_index = 7};
  header.info.membership = {{1, 2, 300}, {4}, {1, 2}, "addresses"};
  return header;
}

TEST(RaftRecord, ASnapshotHeaderIsReadFromPiecesOfAnySize) {
  Bytes bytes;
  encode(header(), bytes);
  const std::size_t size = bytes.size();
  bytes.push_back(std::byte{42});
  for (std::size_t n = 0; n < size; ++n) {
    BytesView some = BytesView(bytes).first(n);
    const auto none = decode_snapshot_header(some);
    ASSERT_THAT(none, IsOk());
    EXPECT_FALSE(none->has_value());
  }
  BytesView all = bytes;
  const auto read = decode_snapshot_header(all);
  ASSERT_THAT(read, IsOk());
  ASSERT_TRUE(read->has_value());
  EXPECT_EQ((*read)->info, header().info);
  EXPECT_EQ((*read)->group, 4u);
  EXPECT_EQ((*read)->log_through, EntryId{99});
  EXPECT_TRUE((*read)->installed);
  EXPECT_EQ(all.size(), 1u);
}

TEST(RaftRecord, HostileSnapshotHeadersAreRefused) {
  Bytes bytes;
  encode(header(), bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    for (const unsigned value : {0u, 1u, 127u, 128u, 255u}) {
      Bytes other = bytes;
      other[n] = std::byte(value);
      BytesView view = other;
      const auto read = decode_snapshot_header(view);
      if (!read || !*read) continue;
      Bytes again;
      encode(**read, again);
      EXPECT_EQ(again, Bytes(other.begin(), other.begin() + std::ptrdiff_t(again.size())));
    }
  }
  const Bytes endless(10, std::byte{0xff});
  BytesView view = endless;
  EXPECT_THAT(decode_snapshot_header(view), HasErrc(Errc::decode));
}

}  // namespace
}  // namespace walkit::raft
