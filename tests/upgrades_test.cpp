#include "walkit/upgrades.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "walkit/io/memory_directory.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/wal_reader.hpp"
#include "walkit/wal_writer.hpp"

namespace shop {

struct PutV1 {
  std::string key{};
  std::string price{};  // "12.50"
  static constexpr walkit::EntryType entry_type{"shop.put", 1};
  template <class A>
  void serialize(A& a) {
    a(key, price);
  }
};

struct PutV2 {  // by a function: an aggregate
  std::string key{};
  std::int64_t cents = 0;
  static constexpr walkit::EntryType entry_type{"shop.put", 3};
  template <class A>
  void serialize(A& a) {
    a(cents, key);
  }
};

PutV2 upgrade(const PutV1& old) {
  if (old.price.empty()) throw std::runtime_error("a price is empty");
  return {old.key, std::stoll(old.price) * 100};
}

struct PutV3 {  // by a constructor
  std::string key{}, currency = "EUR";
  std::int64_t cents = 0;
  static constexpr walkit::EntryType entry_type{"shop.put", 7};
  PutV3() = default;
  explicit PutV3(PutV2&& old) : key(std::move(old.key)), cents(old.cents) {}
  template <class A>
  void serialize(A& a) {
    a(key, currency, cents);
  }
};

}  // namespace shop

namespace walkit {
namespace {

using shop::PutV1;
using shop::PutV2;
using shop::PutV3;
using testing::HasErrc;
using ::testing::HasSubstr;
using testing::IsOk;
using All = Upgrades<PutV1, PutV2, PutV3>;

template <class E>
Bytes encoded(const E& entry) {
  Bytes bytes;
  ByteSink sink(bytes, 1 << 20);
  EXPECT_THAT(encode_entry(CerealCodec<E>{}, entry, sink), IsOk());
  return bytes;
}

TEST(Upgrades, WritesTheLastVersionAsCerealCodecDoes) {
  static_assert(std::is_same_v<All::Entry, PutV3>);
  static_assert(All::id == CerealCodec<PutV3>::id);
  static_assert(Codec<All, PutV3> && !Codec<All, PutV2>);
  PutV3 put;
  put.key = "k";
  Bytes bytes;
  ByteSink sink(bytes, 1024);
  ASSERT_THAT(encode_entry(All{}, put, sink), IsOk());
  EXPECT_EQ(bytes, encoded(put));
}

TEST(Upgrades, EachVersionBecomesTheLast) {
  const auto first = decode_entry<PutV3>(All{}, encoded(PutV1{"a", "12"}), 1);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->key, "a");
  EXPECT_EQ(first->cents, 1200);
  EXPECT_EQ(first->currency, "EUR");
  EXPECT_EQ(decode_entry<PutV3>(All{}, encoded(PutV2{"b", 5}), 3)->cents, 5);
  PutV3 third;
  third.currency = "CHF";
  EXPECT_EQ(decode_entry<PutV3>(All{}, encoded(third), 7)->currency, "CHF");
}

struct Holder {  // g++ would take Holder(PutV1) for Holder{PutV1}
  PutV1 first{};
};
struct Empty {};
struct Converted {
  operator PutV1() const { return {}; }
};
[[maybe_unused]] PutV1 upgrade(const Holder&) { return {}; }
[[maybe_unused]] Converted upgrade(const Empty&) { return {}; }

TEST(Upgrades, FirstFieldAndConversionAreNoWay) {
  static_assert(!upgrade_check::Chain<PutV1, Holder>::complete);
  static_assert(upgrade_check::Chain<Holder, PutV1>::complete);
  static_assert(!upgrade_check::Chain<Empty, PutV1>::complete);
}

TEST(Upgrades, OneVersionIsItsOwn) {
  using Only = Upgrades<PutV2>;
  EXPECT_EQ(decode_entry<PutV2>(Only{}, encoded(PutV2{"b", 5}), 3)->cents, 5);
}

TEST(Upgrades, NewerNumberIsIncompatible) {
  const auto put = decode_entry<PutV3>(All{}, encoded(PutV3{}), 8);
  ASSERT_THAT(put, HasErrc(Errc::incompatible));
  EXPECT_EQ(put.error().message, "the entry was written with schema 8, this program knows 1, 3, 7");
  EXPECT_THAT(put.error().next_step, HasSubstr("newer program"));
}

TEST(Upgrades, NumberThatNoVersionDeclaresIsIncompatible) {
  for (const std::uint32_t schema : {0u, 2u, 6u}) {
    const auto put = decode_entry<PutV3>(All{}, encoded(PutV2{"b", 5}), schema);
    ASSERT_THAT(put, HasErrc(Errc::incompatible)) << schema;
    EXPECT_THAT(put.error().next_step, HasSubstr("in Upgrades"));
  }
}

TEST(Upgrades, BytesOfAnotherVersionAreDecode) {
  EXPECT_THAT(decode_entry<PutV3>(All{}, encoded(PutV1{"a", "1"}), 3), HasErrc(Errc::decode));
  EXPECT_THAT(decode_entry<PutV3>(All{}, {}, 1), HasErrc(Errc::decode));
}

TEST(Upgrades, UpgradeThatThrowsIsDecode) {
  const auto put = decode_entry<PutV3>(All{}, encoded(PutV1{"a", ""}), 1);
  ASSERT_THAT(put, HasErrc(Errc::decode));
  EXPECT_EQ(put.error().message, "a price is empty");
}

TEST(Upgrades, LogOfThreeProgramsIsReadByTheLast) {
  const auto dir = MemoryDirectory::create();
  ASSERT_THAT(WalWriter<PutV1>::open(dir)->append({"a", "12"}), IsOk());
  auto second = WalWriter<PutV2, Upgrades<PutV1, PutV2>>::open(dir).value();
  ASSERT_THAT(second.append({"b", 5}), IsOk());
  ASSERT_THAT(second.close(), IsOk());
  auto third = WalWriter<PutV3, All>::open(dir).value();
  ASSERT_THAT(third.append(PutV3(PutV2{"c", 6})), IsOk());
  ASSERT_THAT(third.close(), IsOk());

  const auto records = WalReader<PutV3, All>::open(dir)->replay();
  ASSERT_THAT(records, IsOk());
  ASSERT_EQ(records->size(), 3u);
  EXPECT_EQ((*records)[0].payload.cents, 1200);
  EXPECT_EQ((*records)[1].payload.cents, 5);
  EXPECT_EQ((*records)[2].payload.cents, 6);
}

TEST(Upgrades, WriterStoresTheLastNameAndNumber) {
  const auto dir = MemoryDirectory::create();
  auto wal = WalWriter<PutV3, All>::open(dir).value();
  ASSERT_THAT(wal.append({}), IsOk());
  ASSERT_THAT(wal.close(), IsOk());
  const auto older = WalReader<PutV2, Upgrades<PutV1, PutV2>>::open(dir);
  ASSERT_THAT(older, HasErrc(Errc::incompatible));
  EXPECT_THAT(older.error().message, HasSubstr("schema 7; this program knows up to 3"));
  EXPECT_THAT(WalReader<PutV3>::open(dir), IsOk());
}

}  // namespace
}  // namespace walkit
