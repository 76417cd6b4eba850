// Every read of every way of reading fails once, or lies: never a shorter log, and the next answer
// is right.

#include <gtest/gtest.h>

#include "log/ways_to_read.hpp"
#include "walkit/testing/fault_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit {
namespace {

using testing::Fault;
using testing::FaultDirectory;

/// What tells damage as a value reads around a bad sector, and says so.
bool tells_damage(std::string_view name) {
  for (const char* part : {"Salvage", "Verify", "Repair"}) {
    if (name.find(part) != std::string_view::npos) return true;
  }
  return false;
}

class ReadFaults : public ::testing::TestWithParam<Scenario> {
 protected:
  /// What is answered when that read fails, and the next time. Number 0: none does.
  void expect_sound(std::uint64_t number, Fault fault, const Said& right) {
    const auto& [name, make, prepare] = GetParam();
    const auto home = FaultDirectory::create(make());
    const Ask ask = prepare(home);
    home->fail_read_at(home->read_count() + number, fault);
    const Said answer = ask();
    EXPECT_EQ(home->fault_count(), 1u);
    if (!tells_damage(name)) {
      if (answer) {
        EXPECT_THAT(answer, testing::IsOkAndHolds(right.value()));
      } else if (fault == Fault::io && (right || answer.error().code != right.error().code)) {
        EXPECT_THAT(answer, testing::HasErrc(Errc::io));
        EXPECT_NE(answer.error().os_error, 0);
      }
    }
    const Said again = ask();
    ASSERT_EQ(again.has_value(), right.has_value()) << again.error();
    if (again) {
      EXPECT_EQ(*again, *right);
    } else {
      EXPECT_EQ(again.error().code, right.error().code);
    }
  }
};

TEST_P(ReadFaults, AreTold) {
  const auto home = FaultDirectory::create(GetParam().make());
  const Ask ask = GetParam().prepare(home);
  const std::uint64_t before = home->read_count();
  const Said right = ask();
  const std::uint64_t reads = home->read_count() - before;
  ASSERT_GE(reads, 2u);
  for (std::uint64_t number = 1; number <= reads; ++number) {
    SCOPED_TRACE("read " + std::to_string(number));
    expect_sound(number, Fault::io, right);
    if (HasFailure()) return;
  }
}

std::string name_of(const ::testing::TestParamInfo<Scenario>& tested) { return tested.param.name; }

INSTANTIATE_TEST_SUITE_P(Replay, ReadFaults, ::testing::ValuesIn(ways_to_replay()), name_of);
INSTANTIATE_TEST_SUITE_P(Pull, ReadFaults, ::testing::ValuesIn(ways_to_pull()), name_of);
INSTANTIATE_TEST_SUITE_P(Care, ReadFaults, ::testing::ValuesIn(ways_to_care()), name_of);

/// Over logs whose end is proven: what is not may be cut for a lie.
class ReadLies : public ReadFaults {};

TEST_P(ReadLies, NeverShortenWhatIsProven) {
  const auto home = FaultDirectory::create(GetParam().make());
  const Ask ask = GetParam().prepare(home);
  const std::uint64_t before = home->read_count();
  const Said right = ask();
  const std::uint64_t reads = home->read_count() - before;
  for (std::uint64_t number = 1; number <= reads; ++number) {
    SCOPED_TRACE("read " + std::to_string(number));
    expect_sound(number, Fault::wrong_bytes, right);
    if (HasFailure()) return;
  }
}

std::vector<Scenario> over_whole_logs() {
  std::vector<Scenario> all;
  for (const auto& ways : {ways_to_replay(), ways_to_pull()}) {
    for (const Scenario& way : ways) {
      const std::string_view name(way.name);
      if (name != "torn" && name.find("BestEffort") == name.npos) all.push_back(way);
    }
  }
  return all;
}
std::string numbered(const ::testing::TestParamInfo<Scenario>& tested) {
  return std::string(tested.param.name) + std::to_string(tested.index);
}
INSTANTIATE_TEST_SUITE_P(Whole, ReadLies, ::testing::ValuesIn(over_whole_logs()), numbered);

}  // namespace
}  // namespace walkit
