#include "log/segment_name.hpp"

#include <gtest/gtest.h>

namespace walkit::log {
namespace {

TEST(SegmentName, IsNumberAndFirstIdInTwentyDigits) {
  EXPECT_EQ(to_string(SegmentName{1, EntryId{42}}),
            "00000000000000000001-00000000000000000042.wal");
  EXPECT_EQ(to_string(SegmentName{~0ull, EntryId::max()}),
            "18446744073709551615-18446744073709551615.wal");
}

TEST(SegmentName, RoundTrips) {
  for (const std::uint64_t number : {1ull, 9ull, 10ull, 1ull << 32, ~0ull}) {
    for (const std::uint64_t first : {1ull, 99ull, 1ull << 63, ~0ull}) {
      const SegmentName name{number, EntryId{first}};
      EXPECT_EQ(parse_segment_name(to_string(name)), name);
    }
  }
}

TEST(SegmentName, SortsLikeTheNumbers) {
  EXPECT_LT(to_string(SegmentName{9, EntryId{100}}), to_string(SegmentName{10, EntryId{100}}));
  EXPECT_LT(to_string(SegmentName{9, EntryId{200}}), to_string(SegmentName{10, EntryId{200}}));
}

TEST(SegmentName, AnythingElseIsForeign) {
  for (const char* text : {"", "a", ".wal", "1-1.wal", "MANIFEST", "LOCK",
                           "00000000000000000001-00000000000000000001.wa",
                           "00000000000000000001-00000000000000000001.WAL",
                           "00000000000000000001-00000000000000000001.wal ",
                           "00000000000000000001_00000000000000000001.wal",
                           "0000000000000000000x-00000000000000000001.wal",
                           "+0000000000000000001-00000000000000000001.wal",
                           "-0000000000000000001-00000000000000000001.wal",
                           " 0000000000000000001-00000000000000000001.wal",
                           "0x000000000000000001-00000000000000000001.wal"}) {
    EXPECT_EQ(parse_segment_name(text), std::nullopt) << text;
  }
}

TEST(SegmentName, EveryChangedCharacterIsAnotherNameOrNone) {
  const SegmentName name{1, EntryId{42}};
  const std::string text = to_string(name);
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      if (static_cast<char>(c) == text[i]) continue;
      std::string other = text;
      other[i] = static_cast<char>(c);
      EXPECT_NE(parse_segment_name(other), name) << other;
    }
  }
}

TEST(SegmentName, ZeroIsNoNumberAndNoId) {
  EXPECT_EQ(parse_segment_name("00000000000000000000-00000000000000000001.wal"), std::nullopt);
  EXPECT_EQ(parse_segment_name("00000000000000000001-00000000000000000000.wal"), std::nullopt);
}

TEST(SegmentName, WhatDoesNotFitSixtyFourBitsIsForeign) {
  EXPECT_EQ(parse_segment_name("18446744073709551616-00000000000000000001.wal"), std::nullopt);
  EXPECT_EQ(parse_segment_name("00000000000000000001-99999999999999999999.wal"), std::nullopt);
}

TEST(SegmentName, OnlyOurOwnUnfinishedFilesAreTemporary) {
  EXPECT_TRUE(is_temporary_name("MANIFEST.tmp"));
  EXPECT_TRUE(is_temporary_name("00000000000000000001-00000000000000000042.wal.tmp"));
  for (const char* text :
       {"", ".tmp", "tmp", "notes.tmp", "LOCK.tmp", "MANIFEST", "MANIFEST.tmp.tmp",
        "00000000000000000001-00000000000000000042.wal", "quarantine.tmp"}) {
    EXPECT_FALSE(is_temporary_name(text)) << text;
  }
}

}  // namespace
}  // namespace walkit::log
