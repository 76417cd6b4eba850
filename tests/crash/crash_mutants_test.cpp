// Who tests the tester: with one step of the protocol left out, a promise must not hold somewhere,
// and the sweep that is meant to must find it.

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/mutation.hpp"
#include "crash/mutants.hpp"
#include "crash/workload.hpp"
#include "walkit/testing/checked_directory.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace walkit::crash {
namespace {

class CrashMutants : public ::testing::TestWithParam<Mutant> {
 protected:
  void TearDown() override { mutation = Mutation::none; }
};

TEST_P(CrashMutants, IsFoundOut) {
  mutation = GetParam().mutation;
  std::uint64_t states = 0;
  const Status ok = GetParam().sweep(states);
  ASSERT_FALSE(ok.has_value()) << "survived " << states << " states";
  std::printf("found after %lu states: %s\n", states, to_string(ok.error()).c_str());
}

INSTANTIATE_TEST_SUITE_P(EachStep, CrashMutants, ::testing::ValuesIn(mutants()),
                         [](const auto& tested) { return std::string(tested.param.name); });

// A few appends over two lives are enough for who looks at the calls; only what is wrong about the
// bytes escapes it.
std::vector<std::string> violations_of(Mutation which, std::uint64_t failing = 0) {
  const auto faults = testing::FaultDirectory::create(testing::CrashDirectory::create());
  const auto checked = testing::CheckedDirectory::create(faults);
  faults->fail_at(failing, testing::Fault::io);
  mutation = which;
  Setup setup;
  setup.flush = FlushPolicy::manual();
  const Trace trace = {Call::append_large, Call::append_large, Call::append_large,
                       Call::reopen,       Call::append,       Call::sync};
  static_cast<void>(run(checked, setup, trace));
  mutation = Mutation::none;
  return checked->violations();
}

TEST(CrashMutants, CheckedDirectoryFindsThoseThatBreakTheProtocol) {
  EXPECT_TRUE(violations_of(Mutation::none).empty());
  for (const Mutation which :
       {Mutation::no_directory_sync, Mutation::seal_without_sync, Mutation::rename_before_sync,
        Mutation::manifest_without_sync, Mutation::retry_failed_sync}) {
    std::size_t found = violations_of(which).size();
    for (std::uint64_t at = 1; found == 0 && at <= 40; ++at) {
      EXPECT_TRUE(violations_of(Mutation::none, at).empty()) << "operation " << at;
      found = violations_of(which, at).size();
    }
    EXPECT_GT(found, 0u) << "mutation " << static_cast<int>(which);
  }
}

class CrashSweeps : public ::testing::TestWithParam<NamedSweep> {};

TEST_P(CrashSweeps, FindNothingWhereNothingIsLeftOut) {
  std::uint64_t states = 0;
  const Status ok = GetParam().run(states);
  EXPECT_TRUE(ok.has_value()) << "after " << states << " states: " << to_string(ok.error());
  std::printf("%lu states\n", states);
}

INSTANTIATE_TEST_SUITE_P(Each, CrashSweeps, ::testing::ValuesIn(sweeps()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(CrashMutantsTable, NamesEachMutationOnce) {
  const auto all = mutants();
  ASSERT_EQ(all.size() + 1, static_cast<std::size_t>(Mutation::count));
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(all[i].mutation), i + 1) << all[i].name;
  }
}

// What docs/mutants.md shows is what is run.
TEST(CrashMutantsTable, StandsInTheDocument) {
  std::ifstream in(WALKIT_SOURCE_DIR "/docs/mutants.md");
  const std::string document{std::istreambuf_iterator<char>(in), {}};
  std::string table = "| mutant | instead | what breaks | found by |\n|---|---|---|---|\n";
  for (const Mutant& mutant : mutants()) {
    table += std::string("| `") + mutant.name + "` | " + mutant.step + " | " + mutant.breaks +
             " | " + name_of(mutant.sweep) + " |\n";
  }
  EXPECT_NE(document.find(table), std::string::npos) << "the table should be\n" << table;
}

}  // namespace
}  // namespace walkit::crash
