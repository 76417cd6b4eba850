// The suite that any key-value state machine can be run against, on walkit's; and on machines that
// break one rule each, which it must find.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "app/kv_adapter.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::kv {
namespace {

using testing::IsOk;
using testing::KvAdapter;
using testing::KvCase;

class KvSuite : public ::testing::TestWithParam<std::size_t> {};

TEST_P(KvSuite, Holds) {
  EXPECT_THAT(testing::kv_cases()[GetParam()].run([](const std::shared_ptr<Directory>& directory) {
    return MachineAdapter::open(directory, small_options());
  }),
              IsOk());
}

INSTANTIATE_TEST_SUITE_P(, KvSuite, ::testing::Range(std::size_t{0}, testing::kv_cases().size()),
                         [](const auto& chosen) {
                           return std::string(testing::kv_cases()[chosen.param].name);
                         });

// ---- Machines that break one rule each ----

enum class Flaw {
  applies_again,
  acknowledges_early,
  splits_chunks,
  swaps_outcomes,
  keeps_old_ends,
  drops_empty_values,
  has_a_clock_of_its_own,
  forgets_time,
  sorts_disorder,
  takes_damaged_snapshots,
  forgets_outcomes,
  keeps_what_an_install_replaces
};

class Flawed final : public MachineAdapter {
 public:
  Flawed(KvStateMachine machine, std::shared_ptr<Directory> directory, Flaw flaw)
      : MachineAdapter(std::move(machine)), directory_(std::move(directory)), flaw_(flaw) {}

  Result<std::vector<Outcome>> apply(const std::vector<Request>& given) override {
    std::vector<Request> chunk = given;
    for (Request& request : chunk) change(request);
    if (flaw_ == Flaw::splits_chunks) return one_by_one(chunk);
    if (flaw_ == Flaw::applies_again && !chunk.empty() && chunk.front().index <= last_index()) {
      std::uint64_t index = last_index();  // it trusts who delivers
      for (Request& request : chunk) request.index = ++index;
    }
    if (flaw_ == Flaw::sorts_disorder) {
      std::stable_sort(chunk.begin(), chunk.end(),
                       [](const Request& a, const Request& b) { return a.index < b.index; });
    }
    const std::uint64_t known_through = last_index();
    auto outcomes = MachineAdapter::apply(chunk);
    if (!outcomes) return outcomes;
    if (flaw_ == Flaw::swaps_outcomes) {  // those of compare-and-swap come last
      std::stable_partition(outcomes->begin(), outcomes->end(), [&](const Outcome& outcome) {
        const auto& command = chunk[outcome.index - chunk.front().index].command;
        return !std::holds_alternative<CompareAndSwap>(command);
      });
    }
    if (flaw_ == Flaw::forgets_outcomes) {
      for (Outcome& outcome : *outcomes) {
        if (outcome.index <= known_through) outcome = {Outcome::duplicate, outcome.index};
      }
    }
    return outcomes;
  }

  Status install(BytesView bytes) override {
    if (flaw_ == Flaw::takes_damaged_snapshots) {
      const auto snapshot = KvSnapshot::read(bytes);
      return snapshot ? machine().install(*snapshot) : Status();
    }
    if (flaw_ != Flaw::keeps_what_an_install_replaces) return MachineAdapter::install(bytes);
    const auto before = scan({}, 1000).entries;
    if (Status ok = MachineAdapter::install(bytes); !ok) return ok;
    for (const auto& [key, value] : before) {
      if (find(key)) continue;
      const std::vector<Request> put{{last_index() + 1, Put{key, value.value}, last_term()}};
      if (auto done = MachineAdapter::apply(put); !done) return done.error();
    }
    return {};
  }

 private:
  void change(Request& request) {
    if (flaw_ == Flaw::forgets_time) request.time = Time(0);
    auto* put = std::get_if<Put>(&request.command);
    if (!put) return;
    if (flaw_ == Flaw::keeps_old_ends && !put->expires_at) {
      if (const auto old = find(put->key)) put->expires_at = old->expires_at;
    }
    if (flaw_ == Flaw::drops_empty_values && put->value.empty()) request.command = Noop{};
    if (flaw_ == Flaw::has_a_clock_of_its_own && put->expires_at) {
      const bool is_late = directory_->now() > std::chrono::hours(24 * 365 * 55);
      *put->expires_at += std::chrono::seconds(is_late ? 1 : 0);
    }
  }
  Result<std::vector<Outcome>> one_by_one(const std::vector<Request>& chunk) {
    std::vector<Outcome> outcomes;
    for (const Request& request : chunk) {
      auto one = MachineAdapter::apply({request});
      if (!one) return one;
      outcomes.push_back(one->front());
    }
    return outcomes;
  }

  std::shared_ptr<Directory> directory_;
  Flaw flaw_;
};

struct Broken {
  Flaw flaw;
  std::string_view found_by;
};

class KvSuiteFinds : public ::testing::TestWithParam<Broken> {};

TEST_P(KvSuiteFinds, TheFlaw) {
  const auto open =
      [](const std::shared_ptr<Directory>& directory) -> Result<std::unique_ptr<KvAdapter>> {
    KvOptions options = small_options();
    if (GetParam().flaw == Flaw::acknowledges_early) options.wal.flush = FlushPolicy::manual();
    auto machine = KvStateMachine::open(directory, options);
    if (!machine) return std::move(machine).error();
    return std::unique_ptr<KvAdapter>(new Flawed(std::move(*machine), directory, GetParam().flaw));
  };
  bool was_run = false;
  for (const KvCase& one : testing::kv_cases()) {
    if (one.name == std::string_view("begins_empty")) {
      EXPECT_THAT(one.run(open), IsOk());  // so that it is no other flaw that is found
    }
    if (one.name == GetParam().found_by) {
      was_run = true;
      EXPECT_FALSE(one.run(open));
    }
  }
  EXPECT_TRUE(was_run);
}

INSTANTIATE_TEST_SUITE_P(, KvSuiteFinds,
                         ::testing::Values(Broken{Flaw::applies_again, "redelivers"},
                                           Broken{Flaw::acknowledges_early, "survives_chunks"},
                                           Broken{Flaw::splits_chunks, "survives_chunks"},
                                           Broken{Flaw::swaps_outcomes, "keeps_order"},
                                           Broken{Flaw::keeps_old_ends, "overwrites_ends"},
                                           Broken{Flaw::drops_empty_values, "keeps_any_bytes"},
                                           Broken{Flaw::has_a_clock_of_its_own, "replicas_agree"},
                                           Broken{Flaw::forgets_time, "ends_keys"},
                                           Broken{Flaw::sorts_disorder, "refuses_disorder"},
                                           Broken{Flaw::takes_damaged_snapshots, "installs"},
                                           Broken{Flaw::forgets_outcomes, "survives_swaps"},
                                           Broken{Flaw::keeps_what_an_install_replaces,
                                                  "survives_installs"}),
                         [](const auto& chosen) {
                           return std::string(chosen.param.found_by) + "_" +
                                  std::to_string(static_cast<int>(chosen.param.flaw));
                         });

}  // namespace
}  // namespace walkit::kv
