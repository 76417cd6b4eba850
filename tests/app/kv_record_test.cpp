// What a state machine writes into its log, byte by byte.

#include "app/kv_record.hpp"

#include <gtest/gtest.h>

#include "app/record_bytes.hpp"
#include "seed.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::kv {
namespace {

using testing::HasErrc;
using testing::IsOk;

Bytes bytes_of(const Record& record) {
  Bytes bytes;
  encode(record, bytes);
  return bytes;
}

Record applied(Effect effect, Outcome outcome = {.index = 300, .revision = 300}) {
  return {Applied{
      .term = 7, .time = 1'700'000'000'000, .outcome = outcome, .effect = std::move(effect)}};
}

Record written(Item item) { return applied(Written{std::make_shared<Item>(std::move(item))}); }

std::vector<Record> samples() {
  const std::string any("\0\xff\x80k", 4);
  return {
      applied(std::monostate{}, {Outcome::mismatch, kIndexMax, 5, 0}),
      applied(std::monostate{}, {Outcome::not_a_number, 1, 0, INT64_MIN}),
      written({any, any, 7, 300, 0, 0}),
      written({"", "", 7, 300, kTimeMax, ~std::uint64_t{0}}),
      applied(Erased{any}, {Outcome::done, 300, 0, 1}),
      applied(RangeErased{{any, std::nullopt}}, {Outcome::done, 300, 0, INT64_MAX}),
      applied(RangeErased{{"", "z"}}),
      applied(LeaseSet{~std::uint64_t{0}, 1}),
      applied(LeaseEnded{4}),
      {InstallPiece{true, {}}},
      {InstallPiece{false, Bytes(20, std::byte{9})}},
      {InstallEnd{.bytes = 1u << 30}},
  };
}

TEST(KvRecord, AllKindsRoundTrip) {
  for (const Record& record : samples()) {
    const Bytes bytes = bytes_of(record);
    const auto back = decode_record(bytes);
    ASSERT_THAT(back, IsOk());
    EXPECT_EQ(back->what.index(), record.what.index());
    EXPECT_EQ(bytes_of(*back), bytes);
  }
}

TEST(KvRecord, AWriteSaysWhichEntryWroteIt) {
  const auto back = decode_record(bytes_of(written({"k", "v", 7, 300, 5, 6})));
  ASSERT_THAT(back, IsOk());
  const Item& item = *std::get<Written>(std::get<Applied>(back->what).effect).item;
  EXPECT_EQ(item.key, "k");
  EXPECT_EQ(item.value, "v");
  EXPECT_EQ(item.term, 7u);
  EXPECT_EQ(item.revision, 300u);
  EXPECT_EQ(item.expires_at, 5);
  EXPECT_EQ(item.lease, 6u);
}

// The numbers of docs/format.md: a put without an end takes 11 bytes beside key and value.
TEST(KvRecord, APutTakesFewBytes) {
  const Record record{
      Applied{.term = 3,
              .outcome = {.index = 100, .revision = 100},
              .effect = Written{std::make_shared<Item>(Item{"key", "value", 3, 100, 0, 0})}}};
  EXPECT_EQ(bytes_of(record).size(), 11u + 3 + 5);
}

// docs/format.md, by hand.
TEST(KvRecord, BytesAreThoseOfTheFormat) {
  const auto text = [](const Record& record) { return std::string(as_text(bytes_of(record))); };
  const Item item{"k", "ab", 7, 300, 5, 6};
  EXPECT_EQ(text({Applied{.term = 7,
                          .time = 128,
                          .outcome = {.index = 300, .revision = 300, .number = -2},
                          .effect = Written{std::make_shared<Item>(item)}}}),
            std::string("\2\xac\2\7\x80\1\0\xac\2\3\1k\2ab\5\6", 17));
  EXPECT_EQ(text({Applied{
                .term = 1, .outcome = {Outcome::mismatch, 2, 1, 0}, .effect = std::monostate{}}}),
            std::string("\1\2\1\0\1\1\0", 7));
  EXPECT_EQ(text(applied(RangeErased{{"a", "b"}}, {Outcome::done, 1, 0, 3})).substr(9),
            std::string("\0\0\6\1a\1\1b", 8));
  EXPECT_EQ(text({InstallPiece{true, Bytes(2, std::byte{9})}}), "\7\1\11\11");
  EXPECT_EQ(text({InstallEnd{.bytes = 129}}), "\x8\x81\1");
}

const auto kWrite = [](const Record& record) { return bytes_of(record); };
const auto kRead = [](BytesView bytes) { return decode_record(bytes); };

TEST(KvRecord, NoBytesAreReadOtherwiseThanTheyAreWritten) {
  expect_read_only_as_written(samples(), kWrite, kRead);
}

TEST(KvRecord, RandomBytesAreAnErrorOrARecord) {
  expect_random_bytes_read_as_written(Random(20261203), kWrite, kRead);
}

// Acceptance check 29. A tag that no walkit writes.
TEST(KvRecord, AnUnknownOperationIsRefused) {
  for (unsigned tag = 0; tag < 256; ++tag) {
    if (tag >= 1 && tag <= 8) continue;
    Bytes bytes = bytes_of(samples().front());
    bytes.front() = std::byte(tag);
    EXPECT_THAT(decode_record(bytes), HasErrc(Errc::decode)) << tag;
  }
}

}  // namespace
}  // namespace walkit::kv
