// C-Raft's own deterministic cluster, whose servers keep their state in walkit's log on devices
// that lose power at any operation, in recovery too. Each seed is one run; WALKIT_SEED is the first
// one and WALKIT_LIVES how many.

#include <gtest/gtest.h>

#include <cstring>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "app/raft_fixture_cluster.hpp"
#include "seed.hpp"

namespace walkit::raft {
namespace {

struct Totals {
  std::uint64_t crashes = 0, in_recovery = 0, acknowledged = 0, installs = 0, operations = 0;
};

/// Three servers under load, that crash and come back.
class Trial {
 public:
  Trial(std::uint64_t seed, Flaw flaw) : random_(seed) {
    raft_fixture_initialize(&fixture_);
    for (unsigned n = 0; n < kServers; ++n) {
      nodes_.push_back(
          std::make_unique<FixtureNode>(fixture_, n, seed * kServers + n, flaw, history_));
    }
    raft_configuration configuration;
    raft_fixture_configuration(&fixture_, kServers, &configuration);
    for (auto& node : nodes_) node->start(configuration);
    raft_configuration_close(&configuration);
    for (auto& node : nodes_) plan_cut(*node);
  }
  ~Trial() {
    raft_fixture_close(&fixture_);
    for (auto& node : nodes_) node->closed();
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  /// What was violated, or empty.
  std::string run() {
    for (int crashes = 0; crashes < kCrashes && fine();) {
      step();
      for (auto& node : nodes_) {
        if (node->is_up() && (node->is_without_power() || below(kKillOneIn) == 0)) {
          crash(*node);
          ++crashes;
        } else if (node->may_restart() && below(20) == 0) {
          restart(*node);
        }
      }
    }
    recover();
    return history_.violation;
  }

  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  static constexpr unsigned kServers = 3;
  static constexpr int kCrashes = 60;
  static constexpr unsigned kKillOneIn = 2000;
  static constexpr raft_time kLongest = 3'600'000;  // simulated milliseconds

  struct Apply {
    struct ::raft_apply request {};
    Trial* trial = nullptr;
  };

  bool fine() {
    if (raft_fixture_time(&fixture_) > kLongest) history_.violated("no progress in an hour");
    return history_.violation.empty();
  }

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void plan_cut(FixtureNode& node) { node.cut_power_at(node.operations() + 1 + below(400)); }

  void crash(FixtureNode& node) {
    totals_.operations += node.operations();
    ++totals_.crashes;
    node.crash(below(4) == 0 ? testing::Crash::process_kill : testing::Crash::power_cut);
  }

  void restart(FixtureNode& node) {
    if (below(4) == 0) node.cut_power_at(1 + below(8));
    if (node.restart()) return plan_cut(node);
    ++totals_.in_recovery;
    crash(node);
  }

  void step() {
    raft_fixture_step(&fixture_);
    const unsigned leader = raft_fixture_leader_index(&fixture_);
    if (leader < kServers && nodes_[leader]->is_up() && below(4) == 0) submit(*nodes_[leader]);
  }

  // Commands of 8 to 1,600 bytes, so that some reach over sectors.
  void submit(FixtureNode& node) {
    const std::uint64_t command = ++submitted_;
    const std::size_t bytes = sizeof command * (1 + (below(8) == 0 ? below(199) : below(8)));
    raft_buffer buffer{raft_malloc(bytes), bytes};
    std::memset(buffer.base, 0, bytes);
    std::memcpy(buffer.base, &command, sizeof command);
    auto request = std::make_unique<Apply>();
    request->trial = this;
    request->request.data = request.get();
    const auto answered = [](struct ::raft_apply* r, int status, void*) {
      const std::unique_ptr<Apply> done(static_cast<Apply*>(r->data));
      if (status == 0) ++done->trial->totals_.acknowledged;
    };
    if (raft_apply(&node.raft(), &request->request, &buffer, 1, answered) != 0) {
      raft_free(buffer.base);
      return;
    }
    static_cast<void>(request.release());  // answered() has it
  }

  // All come back, and a last command shows that all have the same.
  void recover() {
    const auto equal = [&] {
      for (auto& node : nodes_) {
        if (!node->is_up() || node->applied() != history_.commands) return false;
      }
      return true;
    };
    for (auto& node : nodes_) {
      if (node->is_up()) node->cut_power_at(0);
    }
    bool asked = false;
    while (fine() && !(asked && history_.commands.size() > before_ && equal())) {
      raft_fixture_step(&fixture_);
      for (auto& node : nodes_) {
        if (node->may_restart() && !node->restart()) history_.violated("it does not come back");
      }
      const unsigned leader = raft_fixture_leader_index(&fixture_);
      if (asked || leader >= kServers || !nodes_[leader]->is_up()) continue;
      before_ = history_.commands.size();
      submit(*nodes_[leader]);
      asked = true;
    }
    for (auto& node : nodes_) totals_.installs += node->installs();
  }

  raft_fixture fixture_{};
  std::mt19937_64 random_;
  History history_{};
  Totals totals_{};
  std::uint64_t submitted_ = 0, before_ = 0;
  std::vector<std::unique_ptr<FixtureNode>> nodes_{};
};

TEST(RaftFixture, NothingAcknowledgedIsLostWhereverThePowerGoes) {
  const std::uint64_t first = from_environment("WALKIT_SEED", 1);
  Totals all;
  for (std::uint64_t seed = first; seed < first + from_environment("WALKIT_LIVES", 10); ++seed) {
    Trial trial(seed, Flaw::none);
    ASSERT_EQ(trial.run(), "") << "WALKIT_SEED=" << seed << " WALKIT_LIVES=1 shows it again";
    all.crashes += trial.totals().crashes;
    all.in_recovery += trial.totals().in_recovery;
    all.acknowledged += trial.totals().acknowledged;
    all.installs += trial.totals().installs;
    all.operations += trial.totals().operations;
  }
  std::cout << all.crashes << " crashes, " << all.in_recovery << " of them in recovery, "
            << all.acknowledged << " commands acknowledged, " << all.installs
            << " snapshots installed, " << all.operations << " operations\n";
  EXPECT_GT(all.in_recovery, 0u);
  EXPECT_GT(all.installs, 0u);
}

// The twins: each flaw is found within a few seeds.
std::string first_violation(Flaw flaw) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::string violation = Trial(seed, flaw).run();
    if (!violation.empty()) return violation;
  }
  return {};
}

TEST(RaftFixture, AServerThatAnswersBeforeItsSyncIsFound) {
  EXPECT_NE(first_violation(Flaw::answers_before_the_sync), "");
}

TEST(RaftFixture, AServerThatForgetsItsVoteIsFound) {
  EXPECT_NE(first_violation(Flaw::forgets_votes), "");
}

// C-Raft's own answers: what FollowerReplies is for.
TEST(RaftFixture, AFollowerThatAnswersForALeftoverIsFound) {
  EXPECT_NE(first_violation(Flaw::answers_as_raft_does), "");
}

}  // namespace
}  // namespace walkit::raft
