#include "log/survey.hpp"

#include <gtest/gtest.h>

#include "log/frames_by_hand.hpp"
#include "log/stored_type.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::log {
namespace {

using testing::HasErrc;
using testing::IsOk;

/// Segment 2 of the log, behind entries 1 to 4 of segment 1.
SegmentHeader second_header() {
  SegmentHeader header = first_header();
  header.number = 2;
  header.first = EntryId{5};
  header.prev_number = 1;
  header.prev_last = EntryId{4};
  return header;
}

TEST(Link, HoldsWhereTheNextSegmentGoesOn) {
  SegmentHeader next = second_header();
  EXPECT_THAT(check_link(first_header(), next, "file"), IsOk());
  next.epoch = 7;
  EXPECT_THAT(check_link(first_header(), next, "file"), IsOk()) << "of a later writer";
}

TEST(Link, IsCorruptWhereOneThingDoesNotFit) {
  const std::vector<std::pair<const char*, void (*)(SegmentHeader&)>> changes = {
      {"another log", [](SegmentHeader& h) { h.log[0] ^= std::byte{1}; }},
      {"another predecessor", [](SegmentHeader& h) { h.prev_number = 3; }},
      {"ids that do not meet", [](SegmentHeader& h) { h.first = EntryId{6}; }},
      {"an earlier life", [](SegmentHeader& h) { h.epoch = 0; }},
      {"ids that wrap", [](SegmentHeader& h) {
         h.first = EntryId{};
         h.prev_last = EntryId::max();
       }}};
  for (const auto& [what, change] : changes) {
    SegmentHeader next = second_header();
    change(next);
    const Status linked = check_link(first_header(), next, "file");
    ASSERT_THAT(linked, HasErrc(Errc::corrupt)) << what;
    EXPECT_EQ(linked.error().file, "file");
    EXPECT_FALSE(linked.error().next_step.empty());
  }
}

TEST(TailError, IsOneForEachVerdictThatIsNoEndOfALog) {
  using V = TailVerdict;
  Survey survey{.newest_file = "file"};
  for (const V verdict : {V::clean, V::torn, V::suspect, V::unborn}) {
    survey.decision.verdict = verdict;
    EXPECT_THAT(tail_error(survey), IsOk());
  }
  for (const V verdict : {V::lost_acknowledged, V::damaged, V::header_damaged, V::newer}) {
    survey.decision.verdict = verdict;
    const Status error = tail_error(survey);
    ASSERT_THAT(error, HasErrc(verdict == V::newer ? Errc::incompatible : Errc::corrupt));
    EXPECT_EQ(error.error().file, "file");
    EXPECT_FALSE(error.error().next_step.empty());
  }
}

TEST(StoredType, CodecIsNamedByWhatCanBePrintedOfIt) {
  SegmentHeader stored = first_header();
  stored.codec = 0x41'0a'7f'42;
  const Status refused = check_type(stored, {.codec = 0x63'64'65'66}, "file");
  ASSERT_THAT(refused, HasErrc(Errc::incompatible));
  EXPECT_NE(refused.error().message.find("codec \"AB\"; this program uses \"cdef\""),
            std::string::npos)
      << refused.error();
}

}  // namespace
}  // namespace walkit::log
