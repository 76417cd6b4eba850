// What may change in an entry type, and who still reads it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/variant.hpp>

#include "walkit/testing/matchers.hpp"
#include "walkit/walkit.hpp"

namespace walkit {
namespace {

using testing::HasErrc;
using ::testing::HasSubstr;
using testing::IsOk;
using enum NewerSchema;

template <class E>
Result<Bytes> encoded(const E& entry, std::size_t bytes_max = 1 << 20) {
  Bytes bytes;
  ByteSink sink(bytes, bytes_max);
  const Status done = encode_entry(CerealCodec<E>{}, entry, sink);
  if (!done) return done.error();
  return bytes;
}

/// An entry of Old, as the program of New reads it.
template <class New, class Old>
Result<New> read_as(const Old& old, NewerSchema newer = refuse) {
  return decode_entry<New>(CerealCodec<New>{}.with(newer), encoded(old).value(),
                           entry_type<Old>.schema);
}

template <int N>
struct Put {
  static constexpr EntryType entry_type{"put", N};
  std::string key{};
  std::uint32_t ttl = 60;
  std::vector<std::string> tags{"new"};
  template <class A>
  void serialize(A& a) {
    a(key);
    if constexpr (N >= 2) a(ttl);
    if constexpr (N >= 3) a(tags);
  }
};

TEST(SchemaFields, EachSchemaIsReadByEachLaterOne) {
  const Put<1> first{"k"};
  EXPECT_EQ(read_as<Put<2>>(first)->ttl, 60u);
  EXPECT_EQ(read_as<Put<3>>(first)->ttl, 60u);
  EXPECT_THAT(read_as<Put<3>>(first)->tags, ::testing::ElementsAre("new"));
  const Put<2> second{"k", 5};
  EXPECT_EQ(read_as<Put<3>>(second)->ttl, 5u);
  EXPECT_THAT(read_as<Put<3>>(second)->tags, ::testing::ElementsAre("new"));
  const Put<3> third{"k", 5, {}};
  EXPECT_TRUE(read_as<Put<3>>(third)->tags.empty());
}

TEST(SchemaFields, NewerIsRefusedUnlessUnknownFieldsAreSkipped) {
  const Put<3> third{"k", 5, {"a"}};
  EXPECT_THAT(read_as<Put<1>>(third), HasErrc(Errc::incompatible));
  EXPECT_THAT(read_as<Put<2>>(third), HasErrc(Errc::incompatible));
  EXPECT_EQ(read_as<Put<1>>(third, skip_unknown_fields)->key, "k");
  EXPECT_EQ(read_as<Put<2>>(third, skip_unknown_fields)->ttl, 5u);
}

TEST(SchemaFields, SkippingIsForNewerEntriesOnly) {
  const CerealCodec<Put<2>> codec = CerealCodec<Put<2>>{}.with(skip_unknown_fields);
  Bytes bytes = encoded(Put<2>{"k", 5}).value();
  EXPECT_THAT(codec.decode(BytesView(bytes).first(9), 3), HasErrc(Errc::decode));  // less, not more
  bytes.push_back({});
  EXPECT_THAT(codec.decode(bytes, 3), IsOk());
  EXPECT_THAT(codec.decode(bytes, 2), HasErrc(Errc::decode));
  EXPECT_THAT(codec.decode(bytes, 1), HasErrc(Errc::decode));
}

template <int N>
using Command = std::conditional_t<N == 1, std::variant<Put<1>, std::string>,
                                   std::variant<Put<1>, std::string, std::uint8_t>>;

}  // namespace
}  // namespace walkit

template <>
inline constexpr walkit::EntryType walkit::entry_type<walkit::Command<2>>{"command", 2};

namespace walkit {
namespace {

TEST(SchemaVariant, AlternativesAreAddedAtTheEnd) {
  EXPECT_EQ(std::get<std::string>(read_as<Command<2>>(Command<1>{"text"}).value()), "text");
  EXPECT_EQ(std::get<0>(*read_as<Command<1>>(Command<2>{Put<1>{"k"}}, skip_unknown_fields)).key,
            "k");
}

TEST(SchemaVariant, UnknownAlternativeIsNamed) {
  const Command<2> newest{std::uint8_t{7}};
  const auto skipped = read_as<Command<1>>(newest, skip_unknown_fields);
  ASSERT_THAT(skipped, HasErrc(Errc::incompatible));
  EXPECT_EQ(skipped.error().message,
            "the entry was written with schema 2, this program knows 1: the entry holds "
            "alternative 2 of a std::variant, this program knows 0 to 1");
  // Where the number was not raised, nothing tells a newer program from damage.
  const auto same = decode_entry<Command<1>>(CerealCodec<Command<1>>{}, *encoded(newest), 1);
  ASSERT_THAT(same, HasErrc(Errc::decode));
  EXPECT_THAT(same.error().message, HasSubstr("alternative 2 of a std::variant"));
}

template <int N>
struct Inner {
  std::uint8_t n = 0;
  std::string note = "none";
  template <class A>
  void serialize(A& a) {
    if constexpr (N == 1) a(sized(n));
    if constexpr (N == 2) a(sized(n, note));
  }
};

template <int N>
struct Bare {
  std::uint8_t n = 0;
  std::string note = "none";
  template <class A>
  void serialize(A& a) {
    a(n);
    if constexpr (N == 2) a(note);
  }
};

template <int N>
struct Outer {
  static constexpr EntryType entry_type{"outer", N};
  std::vector<Inner<N>> many{};
  std::map<int, std::optional<Inner<N>>> mapped{};
  Bare<N> bare{};
  std::variant<Bare<N>, int> choice{};
  std::uint32_t end = 0;
  template <class A>
  void serialize(A& a) {
    a(many, mapped, sized(bare), sized(choice), end);
  }
};

TEST(SchemaSized, BytesAreACountThenTheFields) {
  EXPECT_EQ(as_text(*encoded(Inner<2>{7, "ab"})), std::string_view("\x0b\0\0\0\0\0\0\0"
                                                                   "\x07\x02\0\0\0\0\0\0\0ab",
                                                                   19));
}

TEST(SchemaSized, NestedTypesGrowWhereverTheyStand) {
  const Outer<1> old{{{1}, {2}}, {{5, Inner<1>{3}}, {6, {}}}, {4}, Bare<1>{5}, 77};
  const auto entry = read_as<Outer<2>>(old);
  ASSERT_THAT(entry, IsOk());
  EXPECT_EQ(entry->many.size(), 2u);
  EXPECT_EQ(entry->many[1].n, 2);
  EXPECT_EQ(entry->many[1].note, "none");
  EXPECT_EQ(entry->mapped.at(5)->n, 3);
  EXPECT_EQ(entry->mapped.at(5)->note, "none");
  EXPECT_EQ(entry->bare.n, 4);
  EXPECT_EQ(entry->bare.note, "none");
  EXPECT_EQ(std::get<0>(entry->choice).n, 5);
  EXPECT_EQ(std::get<0>(entry->choice).note, "none");
  EXPECT_EQ(entry->end, 77u);
}

TEST(SchemaSized, UnknownRestOfABlockIsSkipped) {
  const Outer<2> newer{{{1, "a"}, {2, "b"}}, {{5, Inner<2>{3}}}, {4, "c"}, Bare<2>{5, "d"}, 77};
  EXPECT_THAT(read_as<Outer<1>>(newer), HasErrc(Errc::incompatible));
  const auto entry = read_as<Outer<1>>(newer, skip_unknown_fields);
  ASSERT_THAT(entry, IsOk());
  EXPECT_EQ(entry->many[1].n, 2);
  EXPECT_EQ(entry->mapped.at(5)->n, 3);
  EXPECT_EQ(entry->bare.n, 4);
  EXPECT_EQ(std::get<0>(entry->choice).n, 5);
  EXPECT_EQ(entry->end, 77u);
}

TEST(SchemaSized, SameSchemaMustFillTheBlockExactly) {
  const Bytes longer = encoded(Inner<2>{7, "ab"}).value();
  const auto left_over = decode_entry<Inner<1>>(CerealCodec<Inner<1>>{}, longer, 1);
  ASSERT_THAT(left_over, HasErrc(Errc::decode));
  EXPECT_THAT(left_over.error().message, HasSubstr("10 bytes are left over at the end of a block"));
  const Bytes shorter = encoded(Inner<1>{7}).value();
  EXPECT_THAT(decode_entry<Inner<2>>(CerealCodec<Inner<2>>{}, shorter, 1), HasErrc(Errc::decode));
}

TEST(SchemaSized, FieldOfABlockIsNotReadBeyondIt) {
  Bytes bytes = encoded(Outer<1>{{{1}}, {}, {4}, 1, 77}).value();
  bytes[8] = std::byte{0};  // the block of many[0] holds nothing
  EXPECT_THAT(decode_entry<Outer<1>>(CerealCodec<Outer<1>>{}, bytes, 1), HasErrc(Errc::decode));
  for (const int count : {2, 200, 255}) {
    bytes[8] = static_cast<std::byte>(count);
    EXPECT_THAT(decode_entry<Outer<1>>(CerealCodec<Outer<1>>{}, bytes, 1), HasErrc(Errc::decode));
  }
  bytes[15] = std::byte{0xff};
  EXPECT_THAT(decode_entry<Outer<1>>(CerealCodec<Outer<1>>{}, bytes, 1), HasErrc(Errc::decode));
}

struct Block {  // added to an entry as a whole
  static constexpr EntryType entry_type{"put", 2};
  std::string key{};
  std::uint8_t a = 1, b = 2;
  template <class A>
  void serialize(A& archive) {
    archive(key, sized(a, b));
  }
};

TEST(SchemaSized, WholeBlockMayBeNew) {
  const auto block = read_as<Block>(Put<1>{"k"});
  ASSERT_THAT(block, IsOk());
  EXPECT_EQ(block->a + block->b, 3);
}

struct Huge {
  std::string text{};
  template <class A>
  void serialize(A& a) {
    a(sized(text));
  }
};
struct Nothing {
  int unsaved = 0;
  template <class A>
  void serialize(A&) {}
};
struct Padded {  // what follows a block does not stand for elements without bytes inside of it
  std::vector<Nothing> nothings{1};
  std::string rest = "long enough";
  template <class A>
  void serialize(A& a) {
    a(sized(nothings), rest);
  }
};
struct Thrower {
  std::uint8_t n = 0;
  template <class A>
  void serialize(A& a) {
    a(n);
    if (n == 13) throw std::runtime_error("13");
  }
};
struct Catcher {  // writes on after a field of a block threw
  Thrower field{13};
  template <class A>
  void serialize(A& a) {
    try {
      a(sized(field));
    } catch (const std::runtime_error&) {
      a(field.n);
    }
  }
};

TEST(SchemaSized, LimitsHoldInsideOfABlock) {
  EXPECT_THAT(encoded(Huge{std::string(100, 'x')}, 116), IsOk());
  EXPECT_THAT(encoded(Huge{std::string(100, 'x')}, 115), HasErrc(Errc::too_large));
  EXPECT_THAT(encoded(Padded{}), HasErrc(Errc::encode));
  EXPECT_THAT(encoded(Catcher{}), IsOk());
}

TEST(SchemaReader, OneSwitchOpensALogOfANewerProgram) {
  const auto dir = MemoryDirectory::create();
  {
    auto wal = WalWriter<Put<2>>::open(dir).value();
    ASSERT_THAT(wal.append({"old", 1}), IsOk());
  }
  {
    auto wal = WalWriter<Put<3>>::open(dir).value();
    ASSERT_THAT(wal.append({"new", 2, {"tag"}}), IsOk());
  }
  EXPECT_THAT(WalReader<Put<2>>::open(dir), HasErrc(Errc::incompatible));
  EXPECT_THAT(WalWriter<Put<2>>::open(dir), HasErrc(Errc::incompatible));
  const auto log = WalReader<Put<2>>::open(dir, {.newer_schema = skip_unknown_fields});
  ASSERT_THAT(log, IsOk());
  const auto records = log->replay();
  ASSERT_THAT(records, IsOk());
  EXPECT_EQ(records->at(0).payload.ttl, 1u);
  EXPECT_EQ(records->at(1).payload.key, "new");
  EXPECT_EQ(records->at(1).payload.ttl, 2u);
}

Put<2> upgrade(const Put<1>& old) { return {old.key, 9}; }

TEST(SchemaReader, UpgradesTakeTheSwitchToo) {
  const auto dir = MemoryDirectory::create();
  {
    auto wal = WalWriter<Put<1>>::open(dir).value();
    ASSERT_THAT(wal.append({"old"}), IsOk());
  }
  {
    auto wal = WalWriter<Put<3>>::open(dir).value();
    ASSERT_THAT(wal.append({"new", 2}), IsOk());
  }
  using Reader = WalReader<Put<2>, Upgrades<Put<1>, Put<2>>>;
  EXPECT_THAT(Reader::open(dir), HasErrc(Errc::incompatible));
  const auto log = Reader::open(dir, {.newer_schema = skip_unknown_fields});
  ASSERT_THAT(log, IsOk());
  EXPECT_EQ(log->replay()->at(0).payload.ttl, 9u);
  EXPECT_EQ(log->replay()->at(1).payload.ttl, 2u);
}

TEST(SchemaReader, AnotherNameIsRefusedAllTheSame) {
  const auto dir = MemoryDirectory::create();
  ASSERT_THAT(WalWriter<Put<1>>::open(dir)->append({"old"}), IsOk());
  EXPECT_THAT(WalReader<Outer<2>>::open(dir, {.newer_schema = skip_unknown_fields}),
              HasErrc(Errc::incompatible));
}

}  // namespace
}  // namespace walkit
