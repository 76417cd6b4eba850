#include "walkit/base/types.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <unordered_set>

#include "walkit/version.hpp"

namespace walkit {
namespace {

TEST(EntryId, DefaultIsNoEntryAndFirstIsOne) {
  EXPECT_EQ(EntryId{}.value, 0u);
  EXPECT_EQ(EntryIdRange{}.first, EntryId{1});
  EXPECT_LT(EntryId{}, EntryId{1});
  EXPECT_LT(EntryId{1}, EntryId::max());
}

TEST(EntryId, StepsUp) {
  EntryId id{16};
  EXPECT_EQ(++id, EntryId{17});
  EXPECT_EQ(id + 3, EntryId{20});
}

TEST(EntryId, SubtractionStopsAtNoEntry) {
  EXPECT_EQ(EntryId{5} - 2, EntryId{3});
  EXPECT_EQ(EntryId{5} - 5, EntryId{});
  EXPECT_EQ(EntryId{5} - 6, EntryId{});
}

TEST(EntryId, DistanceIsNeverNegative) {
  EXPECT_EQ(EntryId{9} - EntryId{4}, 5u);
  EXPECT_EQ(EntryId{4} - EntryId{9}, 0u);
}

TEST(EntryId, IsAKeyOfUnorderedSets) {
  const std::unordered_set<EntryId> ids{EntryId{1}, EntryId{2}, EntryId{1}};
  EXPECT_EQ(ids.size(), 2u);
}

TEST(EntryIdRange, DefaultIsEmpty) {
  EXPECT_TRUE(EntryIdRange{}.empty());
  EXPECT_EQ(EntryIdRange{}.size(), 0u);
  EXPECT_FALSE(EntryIdRange{}.contains(EntryId{}));
  EXPECT_FALSE(EntryIdRange{}.contains(EntryId{1}));
}

TEST(EntryIdRange, HoldsBothEnds) {
  constexpr EntryIdRange range{EntryId{17}, EntryId{20}};
  EXPECT_EQ(range.size(), 4u);
  EXPECT_FALSE(range.contains(EntryId{16}));
  EXPECT_TRUE(range.contains(EntryId{17}));
  EXPECT_TRUE(range.contains(EntryId{20}));
  EXPECT_FALSE(range.contains(EntryId{21}));
}

TEST(EntryIdRange, OneEntryIsNotEmpty) {
  constexpr EntryIdRange range{EntryId{7}, EntryId{7}};
  EXPECT_FALSE(range.empty());
  EXPECT_EQ(range.size(), 1u);
}

TEST(EntryIdText, IsTheNumberOrTheRange) {
  EXPECT_EQ(to_string(EntryId{17}), "17");
  EXPECT_EQ(to_string(EntryIdRange{EntryId{17}, EntryId{20}}), "17..20");
  EXPECT_EQ(to_string(EntryIdRange{}), "none");
  std::ostringstream out;
  out << EntryId{3} << ' ' << EntryIdRange{EntryId{4}, EntryId{5}};
  EXPECT_EQ(out.str(), "3 4..5");
}

TEST(Version, HeaderAndLibraryAgree) {
  std::ostringstream numbers;
  numbers << WALKIT_VERSION_MAJOR << '.' << WALKIT_VERSION_MINOR << '.' << WALKIT_VERSION_PATCH;
  EXPECT_EQ(version(), WALKIT_VERSION);
  EXPECT_EQ(numbers.str(), WALKIT_VERSION);
}

}  // namespace
}  // namespace walkit
