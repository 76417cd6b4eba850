#include "walkit/cereal_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cereal/types/array.hpp>
#include <cereal/types/base_class.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/deque.hpp>
#include <cereal/types/list.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/unordered_set.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/variant.hpp>
#include <limits>
#include <stdexcept>
#include <thread>

namespace walkit {
namespace {

using testing::HasSubstr;

template <class E>
Result<Bytes> encoded(const E& entry, std::size_t bytes_max = 1 << 20) {
  Bytes bytes;
  ByteSink sink(bytes, bytes_max);
  const Status done = encode_entry(CerealCodec<E>{}, entry, sink);
  if (!done) return done.error();
  return bytes;
}

template <class E>
Result<E> decoded(BytesView bytes, std::uint32_t schema = entry_type<E>.schema) {
  return decode_entry<E>(CerealCodec<E>{}, bytes, schema);
}

template <class E>
void expect_round_trip(const E& entry) {
  const auto bytes = encoded(entry);
  ASSERT_TRUE(bytes) << bytes.error();
  const auto back = decoded<E>(*bytes);
  ASSERT_TRUE(back) << back.error();
  EXPECT_TRUE(*back == entry);
}

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

enum class Colour : std::uint16_t { red = 1, blue = 0x0203 };

struct Inner {
  std::int32_t n = 0;
  bool on = false;
  friend bool operator==(const Inner&, const Inner&) = default;
  template <class A>
  void serialize(A& a) {
    a(n, on);
  }
};

struct Known {
  std::uint64_t id = 0;
  Colour colour{};
  std::string name{};
  std::vector<std::uint16_t> codes{};
  Inner inner{};
  friend bool operator==(const Known&, const Known&) = default;
  template <class A>
  void serialize(A& a) {
    a(id, colour, cereal::make_nvp("name", name));
    a& codes;
    a(inner);
  }
};

TEST(CerealCodec, KnownStructHasKnownBytes) {
  const Known known{0x0102030405060708, Colour::blue, "hi", {1, 0xfffe}, {-2, true}};
  EXPECT_EQ(encoded(known).value(),
            bytes_of({8,   7, 6, 5, 4, 3, 2, 1, 3, 2, 2, 0,    0,    0,    0,    0,    0,    0, 'h',
                      'i', 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xfe, 0xff, 0xfe, 0xff, 0xff, 0xff, 1}));
  expect_round_trip(known);
}

TEST(CerealCodec, ScalarsComeBack) {
  expect_round_trip(std::numeric_limits<std::uint64_t>::max());
  expect_round_trip(std::numeric_limits<std::int64_t>::min());
  expect_round_trip(std::int8_t{-3});
  expect_round_trip('c');
  expect_round_trip(char32_t{0x1f600});
  expect_round_trip(true);
  expect_round_trip(-0.25f);
  expect_round_trip(std::numeric_limits<double>::infinity());
  expect_round_trip(Colour::blue);
  expect_round_trip(std::byte{7});
}

TEST(CerealCodec, SequencesComeBack) {
  expect_round_trip(std::string(3000, 'x'));
  expect_round_trip(std::u16string(u"wide"));
  expect_round_trip(std::vector<std::string>{"", "a", std::string(600, 'b')});
  expect_round_trip(std::vector<bool>{true, false, true});
  expect_round_trip(std::vector<double>{1.5, -2});
  expect_round_trip(std::vector<Colour>{Colour::red, Colour::blue});
  expect_round_trip(Bytes(700, std::byte{9}));
  expect_round_trip(std::deque<Inner>{{1, true}, {2, false}});
  expect_round_trip(std::list<int>{1, 2, 3});
  expect_round_trip(std::array<bool, 3>{true, false, true});
  expect_round_trip(std::array<std::string, 2>{"a", "b"});
}

TEST(CerealCodec, SetsAndMapsComeBack) {
  expect_round_trip(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}});
  expect_round_trip(std::multimap<int, int>{{1, 2}, {1, 3}});
  expect_round_trip(std::set<std::uint64_t>{1, 2, 3});
  expect_round_trip(std::unordered_map<int, std::string>{{1, "a"}, {2, "b"}});
  expect_round_trip(std::unordered_set<std::string>{"a", "b"});
}

TEST(CerealCodec, ChoicesAndTuplesComeBack) {
  expect_round_trip(std::optional<Inner>{});
  expect_round_trip(std::optional<Inner>{{4, true}});
  expect_round_trip(std::variant<std::monostate, Inner, std::string>{Inner{5, true}});
  expect_round_trip(std::variant<std::monostate, Inner, std::string>{});
  expect_round_trip(std::tuple<int, std::string, bool>{1, "x", true});
  expect_round_trip(std::pair<int, std::pair<std::string, char>>{1, {"x", 'y'}});
}

TEST(CerealCodec, TimesComeBack) {
  using namespace std::chrono_literals;
  expect_round_trip(std::chrono::milliseconds(1500));
  expect_round_trip(std::chrono::sys_time<std::chrono::microseconds>(12us));
}

struct Empty {
  friend bool operator==(Empty, Empty) = default;
};

TEST(CerealCodec, EmptyStructsComeBack) {
  expect_round_trip(Empty{});
  expect_round_trip(std::vector<Empty>(5));
  expect_round_trip(std::variant<Empty, int>{});
}

struct Tree {
  int n = 0;
  std::unique_ptr<Tree> left{}, right{};
  template <class A>
  void serialize(A& a) {
    a(n, left, right);
  }
};

TEST(CerealCodec, UniquePointersToPlainStructsComeBack) {
  Tree tree;
  tree.left = std::make_unique<Tree>();
  tree.left->n = 8;
  const auto back = decoded<Tree>(encoded(tree).value());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->left->n, 8);
  EXPECT_EQ(back->right, nullptr);
}

struct MemberSplit {
  int n = 0;
  friend bool operator==(const MemberSplit&, const MemberSplit&) = default;
  template <class A>
  void save(A& a) const {
    a(n + 1);
  }
  template <class A>
  void load(A& a) {
    a(n);
    --n;
  }
};
struct MemberMinimal {
  std::string text{};
  friend bool operator==(const MemberMinimal&, const MemberMinimal&) = default;
  template <class A>
  std::string save_minimal(const A&) const {
    return text;
  }
  template <class A>
  void load_minimal(const A&, const std::string& value) {
    text = value;
  }
};
struct Outside {
  int n = 0;
  friend bool operator==(const Outside&, const Outside&) = default;
};
template <class A>
void serialize(A& a, Outside& outside) {
  a(outside.n);
}
struct OutsideSplit {
  int n = 0;
  friend bool operator==(const OutsideSplit&, const OutsideSplit&) = default;
};
template <class A>
void save(A& a, const OutsideSplit& outside) {
  a(outside.n);
}
template <class A>
void load(A& a, OutsideSplit& outside) {
  a(outside.n);
}
struct OutsideMinimal {
  int n = 0;
  friend bool operator==(const OutsideMinimal&, const OutsideMinimal&) = default;
};
template <class A>
int save_minimal(const A&, const OutsideMinimal& outside) {
  return outside.n;
}
template <class A>
void load_minimal(const A&, OutsideMinimal& outside, const int& value) {
  outside.n = value;
}
struct Derived : Inner {
  int more = 0;
  friend bool operator==(const Derived&, const Derived&) = default;
  template <class A>
  void serialize(A& a) {
    a(cereal::base_class<Inner>(this), more);
  }
};
class Befriended {
 public:
  int n = 0;
  friend bool operator==(const Befriended&, const Befriended&) = default;

 private:
  friend class cereal::access;
  template <class A>
  void serialize(A& a) {
    a(n);
  }
};

TEST(CerealCodec, EveryFormOfSerializeWorks) {
  expect_round_trip(MemberSplit{3});
  expect_round_trip(MemberMinimal{"text"});
  expect_round_trip(Outside{4});
  expect_round_trip(OutsideSplit{5});
  expect_round_trip(OutsideMinimal{6});
  expect_round_trip(Derived{{7, true}, 8});
  Befriended befriended;
  befriended.n = 9;
  expect_round_trip(befriended);
}

struct PutV1 {
  std::string key{};
  template <class A>
  void serialize(A& a) {
    a(key);
  }
};
struct PutV2 {
  std::string key{};
  std::uint32_t ttl = 60;
  std::optional<std::string> note = "none";
  static constexpr EntryType entry_type{"put", 2};
  template <class A>
  void serialize(A& a) {
    a(key, ttl, note);
  }
};

TEST(CerealCodecSchema, OlderEntryKeepsDefaultsOfNewFields) {
  const auto put = decoded<PutV2>(encoded(PutV1{"k"}).value(), 1);
  ASSERT_TRUE(put) << put.error();
  EXPECT_EQ(put->key, "k");
  EXPECT_EQ(put->ttl, 60u);
  EXPECT_EQ(put->note, "none");
}

TEST(CerealCodecSchema, SameSchemaMustHaveEveryField) {
  EXPECT_EQ(decoded<PutV2>(encoded(PutV1{"k"}).value()).error().code, Errc::decode);
}

TEST(CerealCodecSchema, OlderEntryCutInsideAFieldIsRefused) {
  auto bytes = encoded(PutV2{"k", 1, "n"}).value();
  for (std::size_t size = 0; size != bytes.size(); ++size) {
    const bool boundary = size == 0 || size == 9 || size == 13;
    EXPECT_EQ(decoded<PutV2>(BytesView(bytes).first(size), 1).has_value(), boundary) << size;
  }
}

TEST(CerealCodecSchema, NewerEntryIsIncompatible) {
  const auto put = decoded<PutV2>(encoded(PutV2{}).value(), 3);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Errc::incompatible);
  EXPECT_THAT(put.error().message, HasSubstr("schema 3, this program knows 2"));
}
using CommandV1 = std::variant<PutV1, Empty>;
using CommandV2 = std::variant<PutV2, Empty>;
}  // namespace
}  // namespace walkit

template <>
inline constexpr walkit::EntryType walkit::entry_type<walkit::CommandV2>{"command", 2};

namespace walkit {
namespace {

TEST(CerealCodecSchema, OlderAlternativeKeepsDefaultsOfNewFields) {
  const auto command = decoded<CommandV2>(encoded(CommandV1{PutV1{"k"}}).value(), 1);
  ASSERT_TRUE(command) << command.error();
  EXPECT_EQ(std::get<PutV2>(*command).ttl, 60u);
  EXPECT_EQ(decoded<CommandV2>({}, 1).error().code, Errc::decode);
}

TEST(CerealCodec, TwoThreadsEncodeAtOnce) {
  const Known known{1, Colour::red, "name", {1, 2, 3}, {4, true}};
  const Bytes expected = encoded(known).value();
  const auto work = [&] {
    for (int i = 0; i != 1000; ++i) {
      const auto bytes = encoded(known).value();
      ASSERT_EQ(bytes, expected);
      ASSERT_EQ(decoded<Known>(bytes).value(), known);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

}  // namespace
}  // namespace walkit
