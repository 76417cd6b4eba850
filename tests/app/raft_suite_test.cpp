// The suite that any Raft storage can be run against, on RaftLog; and on storages that break one
// rule each, which it must find.

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "app/raft_adapter.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::raft {
namespace {

using testing::IsOk;
using testing::RaftAdapter;
using testing::RaftCase;

RaftOptions small(std::uint64_t trailing, std::uint64_t cache_bytes) {
  return {.wal = {.segment_bytes = 4096, .max_frame_bytes = 1u << 18, .max_entry_bytes = 1u << 17},
          .trailing_entries = trailing,
          .cache_bytes = cache_bytes};
}

struct Variant {
  const char* name;
  RaftOptions options;
};

class RaftSuite : public ::testing::TestWithParam<std::tuple<std::size_t, std::size_t>> {};

const Variant kVariants[] = {{"plain", small(0, 1u << 20)},
                             {"nothing_cached", small(0, 0)},
                             {"three_trailing", small(3, 64)}};

TEST_P(RaftSuite, Holds) {
  const RaftCase one = testing::raft_cases()[std::get<0>(GetParam())];
  const Variant& variant = kVariants[std::get<1>(GetParam())];
  EXPECT_THAT(one.run([&](const std::shared_ptr<Directory>& directory) {
    return RaftLogAdapter::open(directory, variant.options);
  }),
              IsOk());
}

INSTANTIATE_TEST_SUITE_P(
    , RaftSuite,
    ::testing::Combine(::testing::Range(std::size_t{0}, testing::raft_cases().size()),
                       ::testing::Range(std::size_t{0}, std::size(kVariants))),
    [](const auto& chosen) {
      return std::string(testing::raft_cases()[std::get<0>(chosen.param)].name) + "_" +
             kVariants[std::get<1>(chosen.param)].name;
    });

// ---- Storages that break one rule each ----

enum class Flaw {
  forgets_votes,
  acknowledges_early,
  replaces_in_two_steps,
  swallows_refusals,
  ignores_the_budget,
  installs_beside_the_log,
  forgets_learners
};

class Flawed final : public RaftLogAdapter {
 public:
  Flawed(RaftStorage storage, Flaw flaw) : RaftLogAdapter(std::move(storage)), flaw_(flaw) {}

  Status save(const std::optional<HardState>& hard_state, const Entries& entries) override {
    std::optional<HardState> kept = hard_state;
    if (flaw_ == Flaw::forgets_votes && kept) kept->vote.reset();
    if (flaw_ == Flaw::acknowledges_early) return save_later(kept, entries);
    const bool conflicts = !entries.empty() && entries.front().index <= last_index();
    if (flaw_ == Flaw::replaces_in_two_steps && conflicts) {
      if (Status ok = truncate(entries.front().index); !ok) return ok;
    }
    return answer(RaftLogAdapter::save(kept, entries));
  }
  Status install_snapshot(const Snapshot& snapshot) override {
    if (flaw_ != Flaw::installs_beside_the_log) {
      return answer(RaftLogAdapter::install_snapshot(snapshot));
    }
    if (Status ok = truncate(first_index()); !ok) return ok;  // first the log, then the snapshot
    return RaftLogAdapter::install_snapshot(snapshot);
  }
  Result<Snapshot> snapshot() override {
    auto found = RaftLogAdapter::snapshot();
    if (found && flaw_ == Flaw::forgets_learners) found->info.membership.learners.clear();
    return found;
  }
  Result<Entries> entries(std::uint64_t first, std::uint64_t last,
                          std::uint64_t bytes_max) override {
    const bool ignores = flaw_ == Flaw::ignores_the_budget;
    return RaftLogAdapter::entries(first, last, ignores ? ~std::uint64_t{0} : bytes_max);
  }

 private:
  [[nodiscard]] Status answer(Status answer) const {
    const bool swallows = flaw_ == Flaw::swallows_refusals && !answer &&
                          answer.error().code == Errc::invalid_argument;
    return swallows ? Status() : answer;
  }

  Flaw flaw_;
};

struct Broken {
  Flaw flaw;
  std::string_view found_by;
};

class RaftSuiteFinds : public ::testing::TestWithParam<Broken> {};

TEST_P(RaftSuiteFinds, TheFlaw) {
  const auto open =
      [](const std::shared_ptr<Directory>& directory) -> Result<std::unique_ptr<RaftAdapter>> {
    auto storage = RaftStorage::open(directory, small(0, 0), {CodecId{"byte"}.value, {}});
    if (!storage) return std::move(storage).error();
    return std::unique_ptr<RaftAdapter>(new Flawed(std::move(*storage), GetParam().flaw));
  };
  for (const RaftCase& one : testing::raft_cases()) {
    if (one.name == std::string_view("begins_empty")) {
      EXPECT_THAT(one.run(open), IsOk());  // so that it is no other flaw that is found
    }
    if (one.name == GetParam().found_by) {
      EXPECT_FALSE(one.run(open));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    , RaftSuiteFinds,
    ::testing::Values(Broken{Flaw::forgets_votes, "keeps_hard_state"},
                      Broken{Flaw::acknowledges_early, "survives_conflicts"},
                      Broken{Flaw::replaces_in_two_steps, "survives_conflicts"},
                      Broken{Flaw::swallows_refusals, "appends"},
                      Broken{Flaw::ignores_the_budget, "keeps_budget"},
                      Broken{Flaw::installs_beside_the_log, "survives_installs"},
                      Broken{Flaw::forgets_learners, "compacts"}),
    [](const auto& chosen) {
      return std::string(chosen.param.found_by) + "_" +
             std::to_string(static_cast<int>(chosen.param.flaw));
    });

}  // namespace
}  // namespace walkit::raft
