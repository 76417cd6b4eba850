// First of all, as a user may have it: alone, this header of cereal declares nothing of use.
#include <cereal/types/chrono.hpp>

#include "walkit/cereal_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cereal/types/array.hpp>
#include <cereal/types/atomic.hpp>
#include <cereal/types/bitset.hpp>
#include <cereal/types/complex.hpp>
#include <cereal/types/deque.hpp>
#include <cereal/types/forward_list.hpp>
#include <cereal/types/list.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/queue.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/stack.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/unordered_set.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/valarray.hpp>
#include <limits>

#include "walkit/testing/codec_suite.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using testing::HasErrc;
using testing::IsOk;

template <class E>
Bytes encoded(const E& entry) {
  Bytes bytes;
  ByteSink sink(bytes, 1 << 20);
  EXPECT_THAT(encode_entry(CerealCodec<E>{}, entry, sink), IsOk());
  return bytes;
}

template <class E>
Result<E> back(const E& entry) {
  return decode_entry<E>(CerealCodec<E>{}, encoded(entry), 1);
}

/// Round trip, every truncation and flipped bit, and the other promises of a codec.
template <class E>
void expect_entry(const E& first, const E& second = {}) {
  const std::vector<E> samples{first, second};
  EXPECT_THAT(testing::codec_suite<E>(samples), IsOk());
}

TEST(CerealEntries, SequencesOfTheStandardLibrary) {
  expect_entry(std::vector<std::vector<std::string>>{{"a"}, {}, {"b", ""}});
  expect_entry(std::vector<bool>{true, false});
  expect_entry(std::deque<std::uint16_t>{1, 2});
  expect_entry(std::list<std::string>{"a", ""});
  expect_entry(std::forward_list<std::int8_t>{1, -2});
  expect_entry(std::array<std::optional<int>, 2>{1, {}});
  expect_entry(std::u8string(u8"ä"));
  expect_entry(std::u32string(U"\U0001f600"));
  EXPECT_EQ(back(std::valarray<int>{1, 2})->size(), 2u);
  EXPECT_EQ(back(std::valarray<int>{})->size(), 0u);
  EXPECT_EQ(back(std::valarray<std::string>{"a"})->size(), 1u);
}

TEST(CerealEntries, SetsAndMapsOfTheStandardLibrary) {
  expect_entry(std::set<std::string>{"a", "b"});
  expect_entry(std::multiset<int>{1, 1, 2});
  expect_entry(std::map<std::pair<int, int>, std::vector<bool>>{{{1, 2}, {true}}});
  expect_entry(std::multimap<int, std::string>{{1, "b"}, {1, "a"}});
  EXPECT_EQ(back(std::unordered_set<int>{1, 2}).value(), (std::unordered_set<int>{1, 2}));
  EXPECT_EQ(back(std::unordered_multiset<int>{1, 1}).value(), (std::unordered_multiset<int>{1, 1}));
  EXPECT_EQ(back(std::unordered_map<int, bool>{{1, true}})->at(1), true);
  EXPECT_EQ(back(std::unordered_multimap<int, int>{{1, 2}, {1, 3}})->count(1), 2u);
}

TEST(CerealEntries, AdaptersOfTheStandardLibrary) {
  EXPECT_EQ(back(std::queue<int>({1, 2})).value(), std::queue<int>({1, 2}));
  EXPECT_EQ(back(std::stack<int>({1, 2})).value(), std::stack<int>({1, 2}));
  std::priority_queue<int> queue;
  queue.push(3);
  queue.push(5);
  EXPECT_EQ(back(queue)->top(), 5);
}

TEST(CerealEntries, ValuesOfTheStandardLibrary) {
  expect_entry(std::tuple<int, std::string, std::optional<bool>>{1, "a", true});
  expect_entry(std::pair<std::string, std::tuple<>>{"a", {}});
  expect_entry(std::complex<double>{1, -2});
  expect_entry(std::bitset<70>{0x8001});
  expect_entry(std::variant<std::monostate, int, int, std::vector<int>>{std::in_place_index<2>, 5});
  expect_entry(std::optional<std::variant<bool, std::string>>{"text"});
  const auto count = back(std::make_unique<std::atomic<int>>(7));
  ASSERT_THAT(count, IsOk());
  EXPECT_EQ((*count)->load(), 7);
}

TEST(CerealEntries, TimesNeedNoHeaderOfCereal) {
  using namespace std::chrono;
  expect_entry(nanoseconds::max(), nanoseconds::min());
  expect_entry(duration<double, std::ratio<60>>(1.5));
  expect_entry(hours(-1));
  expect_entry(sys_days(2024y / February / 29));
  expect_entry(steady_clock::time_point(5ms));
  expect_entry(std::map<sys_seconds, std::vector<milliseconds>>{{sys_seconds(1s), {2ms}}});
  EXPECT_EQ(encoded(milliseconds(3)), encoded(std::int64_t{3}));
  EXPECT_EQ(encoded(sys_seconds(3s)), encoded(std::int64_t{3}));
}

TEST(CerealEntries, PathsAreTextWithSlashes) {
  using std::filesystem::path;
  expect_entry(path("/a/b c.txt"));
  expect_entry(std::vector<path>{"a", "", u8"ä/ö"});
  EXPECT_EQ(encoded(path("a/b")), encoded(std::string("a/b")));
}

enum class Switch : bool { off, on };
enum class Wide : std::uint64_t { most = ~0ull };
enum Plain : std::int8_t { kFirst, kSecond = -7 };

TEST(CerealEntries, EnumsOfAnyWidth) {
  expect_entry(Switch::on);
  expect_entry(Wide::most);
  expect_entry(kSecond);
  EXPECT_EQ(encoded(Wide::most).size(), 8u);
  const Bytes two(1, std::byte{2});
  EXPECT_THAT(decode_entry<Switch>(CerealCodec<Switch>{}, two, 1), HasErrc(Errc::decode));
}

struct Node {  // holds itself, through a vector and a map
  std::string name;
  std::vector<Node> children;
  std::map<std::string, Node> named;
  friend bool operator==(const Node&, const Node&) = default;
  template <class A>
  void serialize(A& a) {
    a(name, children, named);
  }
};

Node node(std::string name, std::vector<Node> children = {},
          std::map<std::string, Node> named = {}) {
  return Node{std::move(name), std::move(children), std::move(named)};
}

TEST(CerealEntries, TypesThatHoldThemselves) {
  expect_entry(node("root", {node("a", {node("b")}), node("c")}, {{"d", node("e")}}));
  Node deep;
  for (int i = 0; i != 40; ++i) deep = node("n", {deep});
  Bytes bytes;
  ByteSink sink(bytes, 1 << 20);
  EXPECT_THAT(encode_entry(CerealCodec<Node>{}, deep, sink), HasErrc(Errc::encode));
}

struct Everything {
  std::optional<std::map<std::string, std::vector<std::variant<int, Node>>>> tree{};
  std::tuple<std::array<std::set<int>, 2>, std::chrono::milliseconds> both{};
  friend bool operator==(const Everything&, const Everything&) = default;
  template <class A>
  void serialize(A& a) {
    a(CEREAL_NVP(tree), cereal::make_nvp("both", both));
  }
};

TEST(CerealEntries, AllOfThemInsideEachOther) {
  using namespace std::chrono_literals;
  Everything all;
  all.tree = {{"k", {1, node("n", {node("m")})}}};
  all.both = {{std::set{1, 2}, std::set<int>{}}, 5ms};
  expect_entry(all);
}

}  // namespace
}  // namespace walkit
