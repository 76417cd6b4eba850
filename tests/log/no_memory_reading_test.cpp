// Every allocation of every way of reading, repairing and asking fails once, alone and with all
// that follow it: the answer is whole or an error, never an exception, and the next one is right.

#include <gtest/gtest.h>

#include "log/ways_to_read.hpp"
#include "starvation.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit {
namespace {

using starvation::Failing;
using starvation::for_each_allocation;
using starvation::met;
using starvation::set_met;
using starvation::starved;
using testing::HasErrc;

class NoMemoryReading : public ::testing::TestWithParam<Scenario> {};

TEST_P(NoMemoryReading, IsAnErrorAndTheNextAnswerIsRight) {
  const Scenario& way = GetParam();
  const Said right = way.prepare(way.make())();
  if (!right) {
    EXPECT_EQ(way.name, to_string(right.error().code));
  }
  for_each_allocation([&](std::size_t nth, Failing how) {
    const Ask call = way.prepare(way.make());
    const Said answer = starved(nth, how, call);
    const bool hit = met();
    if (answer) {
      EXPECT_EQ(*answer, right.value());
    } else if (right || answer.error().code != right.error().code) {
      EXPECT_THAT(answer, HasErrc(Errc::no_memory));
    }
    const Said again = call();
    ASSERT_EQ(again.has_value(), right.has_value()) << again.error();
    if (again) {
      EXPECT_EQ(*again, *right);
    } else {
      EXPECT_EQ(again.error().code, right.error().code) << again.error();
    }
    set_met(hit);
  });
}

// It has nobody to tell.
TEST(NoMemory, ReportOfAnOpenComesWithoutItsLists) {
  const Home home = torn_log();
  home->subdirectory("wal", OpenMode::read)
      .value()
      ->open("a file of somebody else", OpenMode::create)
      .value();
  const auto wal = WalWriter<std::string, BytesCodec>::open(home).value();
  const RecoveryReport right = wal.recovery();
  ASSERT_EQ(right.foreign_files.size(), 1u);
  for_each_allocation([&](std::size_t nth, Failing how) {
    const RecoveryReport report = starved(nth, how, [&] { return wal.recovery(); });
    EXPECT_EQ(report.origin, right.origin);
    EXPECT_EQ(report.rewritten, right.rewritten);
    EXPECT_EQ(report.torn_bytes + report.suspect_bytes, right.torn_bytes + right.suspect_bytes);
    EXPECT_EQ(report.foreign_files.empty(), met());
  });
}

std::string name_of(const ::testing::TestParamInfo<Scenario>& tested) { return tested.param.name; }

INSTANTIATE_TEST_SUITE_P(Replay, NoMemoryReading, ::testing::ValuesIn(ways_to_replay()), name_of);
INSTANTIATE_TEST_SUITE_P(Pull, NoMemoryReading, ::testing::ValuesIn(ways_to_pull()), name_of);
INSTANTIATE_TEST_SUITE_P(Open, NoMemoryReading, ::testing::ValuesIn(ways_to_open()), name_of);
INSTANTIATE_TEST_SUITE_P(Care, NoMemoryReading, ::testing::ValuesIn(ways_to_care()), name_of);

}  // namespace
}  // namespace walkit
