#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cereal/types/array.hpp>
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
#include <cereal/types/valarray.hpp>
#include <cereal/types/variant.hpp>
#include <cstdlib>
#include <new>
#include <stdexcept>

#include "walkit/cereal_codec.hpp"

namespace {
std::atomic<std::size_t> allocated_bytes = 0;
std::atomic<std::size_t> allocated_bytes_max = ~std::size_t{0};  // more at once is bad_alloc
}  // namespace

// Counts what a decode asks for in all, so that a test sees memory that was given back, too. Not
// inlined: g++ 12 would pair half of it with the other operator and warn.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (bytes > allocated_bytes_max) throw std::bad_alloc();
  allocated_bytes += bytes;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace walkit {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20;

template <class E>
Result<Bytes> encoded(const E& entry, std::size_t bytes_max = 64 * kMiB) {
  Bytes bytes;
  ByteSink sink(bytes, bytes_max);
  const Status done = encode_entry(CerealCodec<E>{}, entry, sink);
  if (!done) return done.error();
  return bytes;
}

template <class E>
Result<E> decoded(BytesView bytes) {
  return decode_entry<E>(CerealCodec<E>{}, bytes, 1);
}

Bytes count_bytes(std::uint64_t count, std::size_t bytes_after = 0) {
  Bytes bytes;
  for (int i = 0; i != 8; ++i) bytes.push_back(static_cast<std::byte>(count >> (8 * i)));
  bytes.resize(bytes.size() + bytes_after);
  return bytes;
}

/// Refused, and the memory asked for on the way stays within the budget, with a little for the
/// message.
template <class E>
void expect_refused(BytesView bytes) {
  const std::size_t before = allocated_bytes;
  const auto entry = decoded<E>(bytes);
  const std::size_t taken = allocated_bytes - before;
  ASSERT_FALSE(entry);
  EXPECT_EQ(entry.error().code, Errc::decode) << entry.error();
  EXPECT_LE(taken, 4 * bytes.size() + kMiB + 4096);
}

struct Empty {};
struct Nothing {  // not empty, yet writes no bytes
  int unsaved = 0;
  template <class A>
  void serialize(A&) {}
};
struct Big {
  std::array<char, 4096> unsaved{};
  std::uint8_t n = 0;
  template <class A>
  void serialize(A& a) {
    a(n);
  }
};
struct Chain {
  std::unique_ptr<Chain> next{};
  template <class A>
  void serialize(A& a) {
    a(next);
  }
};

TEST(CerealHostile, CountBeyondTheBytesIsRefused) {
  for (const std::uint64_t count : {~0ull, 1ull << 62, 1ull << 61, 1ull << 32, 17ull}) {
    const Bytes bytes = count_bytes(count, 16);
    expect_refused<std::string>(bytes);
    expect_refused<std::u16string>(bytes);
    expect_refused<Bytes>(bytes);
    expect_refused<std::vector<std::uint64_t>>(bytes);
    expect_refused<std::vector<bool>>(bytes);
    expect_refused<std::vector<Big>>(bytes);
    expect_refused<std::deque<std::string>>(bytes);
    expect_refused<std::set<int>>(bytes);
    expect_refused<std::unordered_set<int>>(bytes);
    expect_refused<std::map<int, std::string>>(bytes);
  }
}

TEST(CerealHostile, CountsOfEmptyElementsMeetTheBudget) {
  expect_refused<std::vector<Empty>>(count_bytes(200'000'000));
  expect_refused<std::vector<Empty>>(count_bytes(~0ull));
  expect_refused<std::vector<Nothing>>(count_bytes(1));
  EXPECT_EQ(decoded<std::vector<Empty>>(count_bytes(1000))->size(), 1000u);
}

TEST(CerealHostile, NestedEmptiesShareOneBudget) {
  Bytes bytes = count_bytes(1000);
  for (int i = 0; i != 1000; ++i) {
    const Bytes inner = count_bytes(10'000);
    bytes.insert(bytes.end(), inner.begin(), inner.end());
  }
  expect_refused<std::vector<std::vector<Empty>>>(bytes);
}

template <class... Container>
void expect_counts_refused(std::uint64_t count) {
  (expect_refused<Container>(count_bytes(count)), ...);
}

TEST(CerealHostile, NoKindOfContainerBelievesACount) {
  for (const std::uint64_t count : {1ull, 1'000'000ull, 1ull << 40, ~0ull}) {
    expect_counts_refused<std::list<int>, std::forward_list<char>, std::multiset<int>,
                          std::unordered_multiset<int>, std::multimap<int, char>,
                          std::unordered_map<int, char>, std::queue<int>, std::stack<int>,
                          std::valarray<char>, std::valarray<std::string>, std::filesystem::path,
                          std::vector<std::vector<int>>, std::u32string>(count);
  }
  for (const std::uint64_t count : {2'000'000ull, 1ull << 40, ~0ull}) {
    expect_counts_refused<std::list<Empty>, std::forward_list<Empty>, std::deque<Empty>,
                          std::valarray<Empty>, std::vector<std::tuple<>>>(count);
  }
  expect_counts_refused<std::list<Empty>, std::forward_list<Empty>>(40'000);
}

TEST(CerealHostile, SmallElementsWithLargeMemoryMeetTheBudget) {
  expect_refused<std::vector<Big>>(count_bytes(1000, 1000));
  Bytes pointers = count_bytes(1000);
  pointers.resize(pointers.size() + 2000, std::byte{1});
  expect_refused<std::vector<std::unique_ptr<Big>>>(pointers);
}

TEST(CerealHostile, PointerChainStopsAtTheDepthLimit) {
  const auto entry = decoded<Chain>(Bytes(kMiB, std::byte{1}));
  ASSERT_FALSE(entry);
  EXPECT_EQ(entry.error().code, Errc::decode);
  EXPECT_THAT(entry.error().message, HasSubstr("deeper than 64"));
}

TEST(CerealHostile, PointerChainOfTheDepthLimitIsWrittenAndRead) {
  const auto chain_of = [](int links) {
    Chain chain;
    for (; links != 0; --links) {
      auto next = std::make_unique<Chain>();
      next->next = std::move(chain.next);
      chain.next = std::move(next);
    }
    return chain;
  };
  const auto bytes = encoded(chain_of(31));
  ASSERT_TRUE(bytes) << bytes.error();
  EXPECT_TRUE(decoded<Chain>(*bytes));
  EXPECT_EQ(encoded(chain_of(32)).error().code, Errc::encode);
}

TEST(CerealHostile, WhatCouldNotBeReadIsNotWritten) {
  EXPECT_EQ(encoded(std::vector<Empty>(2 * kMiB)).error().code, Errc::encode);
  EXPECT_EQ(encoded(std::vector<Big>(1000)).error().code, Errc::encode);
  EXPECT_EQ(encoded(std::vector<Nothing>(1)).error().code, Errc::encode);
  const auto big = encoded(std::vector<Big>(200));
  ASSERT_TRUE(big) << big.error();
  EXPECT_EQ(decoded<std::vector<Big>>(*big)->size(), 200u);
}

TEST(CerealHostile, BoolOtherThanZeroAndOneIsRefused) {
  const Bytes two(1, std::byte{2});
  expect_refused<bool>(two);
  expect_refused<std::optional<int>>(two);
  expect_refused<std::array<bool, 1>>(two);
  expect_refused<std::vector<bool>>([] {
    Bytes bytes = count_bytes(1);
    bytes.push_back(std::byte{2});
    return bytes;
  }());
}

TEST(CerealHostile, VariantIndexOutsideItsAlternativesIsRefused) {
  using Choice = std::variant<int, std::string>;
  for (const std::uint64_t index : {2u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    expect_refused<Choice>(BytesView(count_bytes(index, 16)));
  }
}

TEST(CerealHostile, TrailingBytesAreRefused) {
  Bytes bytes = encoded(std::string("abc")).value();
  bytes.push_back({});
  const auto entry = decoded<std::string>(bytes);
  ASSERT_FALSE(entry);
  EXPECT_EQ(entry.error().code, Errc::decode);
  EXPECT_THAT(entry.error().message, HasSubstr("1 bytes are left over"));
}

struct Sample {
  std::uint32_t n = 0;
  std::vector<std::string> names{};
  std::map<std::uint8_t, std::vector<Empty>> empties{};
  std::optional<std::variant<std::monostate, bool, std::string>> choice{};
  std::unique_ptr<Sample> next{};
  std::vector<std::vector<std::uint16_t>> codes{};
  template <class A>
  void serialize(A& a) {
    a(n, names, empties, choice, next, codes);
  }
};

Sample sample() {
  Sample inner{2, {}, {}, true, {}, {}};
  Sample outer{1, {"a", "bc"}, {{1, {{}, {}}}}, "text", {}, {{1, 2}, {}}};
  outer.next = std::make_unique<Sample>(std::move(inner));
  return outer;
}

TEST(CerealHostile, EveryTruncationIsRefused) {
  const Bytes bytes = encoded(sample()).value();
  for (std::size_t size = 0; size != bytes.size(); ++size) {
    expect_refused<Sample>(BytesView(bytes).first(size));
  }
  EXPECT_TRUE(decoded<Sample>(bytes));
}

TEST(CerealHostile, EveryFlippedBitGivesAValueOrDecode) {
  Bytes bytes = encoded(sample()).value();
  for (std::size_t bit = 0; bit != bytes.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1 << (bit % 8));
    bytes[bit / 8] ^= mask;
    const auto entry = decoded<Sample>(bytes);
    if (entry) {
      EXPECT_TRUE(encoded(*entry)) << bit;
    } else {
      EXPECT_EQ(entry.error().code, Errc::decode) << bit;
    }
    bytes[bit / 8] ^= mask;
  }
}

struct Fussy {
  int n = 0;
  template <class A>
  void serialize(A& a) {
    a(n);
    if (n == 13) throw std::runtime_error("13 is refused");
  }
};

TEST(CerealErrors, ThrowingSerializeIsAValue) {
  const auto error = encoded(Fussy{13}).error();
  EXPECT_EQ(error.code, Errc::encode);
  EXPECT_EQ(error.message, "13 is refused");
  const Bytes thirteen = count_bytes(13);
  EXPECT_EQ(decoded<Fussy>(BytesView(thirteen).first(4)).error().code, Errc::decode);
}

TEST(CerealErrors, NothingCarriesOverFromAFailedEntry) {
  const Bytes expected = encoded(Fussy{5}).value();
  (void)encoded(std::vector<Fussy>{{1}, {13}});
  EXPECT_EQ(encoded(Fussy{5}).value(), expected);
  (void)decoded<Chain>(Bytes(100, std::byte{1}));
  EXPECT_EQ(decoded<Fussy>(expected)->n, 5);
}

TEST(CerealErrors, OutOfMemoryIsNoMemory) {
  const Bytes bytes = encoded(std::string(100'000, 'x')).value();
  const std::string text(100'000, 'x');
  allocated_bytes_max = 50'000;
  const auto entry = decoded<std::string>(bytes);
  const auto written = encoded(text);
  allocated_bytes_max = ~std::size_t{0};
  EXPECT_EQ(entry.error().code, Errc::no_memory);
  EXPECT_EQ(written.error().code, Errc::no_memory);
}

TEST(CerealErrors, FullSinkIsTooLarge) {
  EXPECT_TRUE(encoded(std::string(92, 'x'), 100));
  const auto error = encoded(std::string(93, 'x'), 100).error();
  EXPECT_EQ(error.code, Errc::too_large);
  EXPECT_THAT(error.message, HasSubstr("100"));
  EXPECT_EQ(encoded(std::vector<std::string>(1000, "x"), 100).error().code, Errc::too_large);
}

struct Envelope {  // a codec inside a serialize finds the thread's archive taken
  std::string text{};
  template <class A>
  void save(A& a) const {
    a(std::uint8_t{1}, encoded(text).value());
  }
  template <class A>
  void load(A& a) {
    std::uint8_t kind = 0;
    Bytes bytes;
    a(kind, bytes);
    text = decoded<std::string>(bytes).value();
  }
};

TEST(CerealErrors, CodecInsideASerializeWorks) {
  const auto entry = decoded<Envelope>(encoded(Envelope{"inner"}).value());
  ASSERT_TRUE(entry) << entry.error();
  EXPECT_EQ(entry->text, "inner");
}

}  // namespace
}  // namespace walkit
