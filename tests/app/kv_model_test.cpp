// Random entries, with crashes, checkpoints, clocks that jump, entries delivered again and
// snapshots installed, against plain maps. WALKIT_KV_OPERATIONS sets how many (50,000), WALKIT_SEED
// which.

#include <gtest/gtest.h>

#include <deque>

#include "app/kv_adapter.hpp"
#include "seed.hpp"
#include "testing/kv_model.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/matchers.hpp"

namespace walkit::kv {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using testing::HasErrc;
using testing::IsOk;
using testing::KvModel;

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    open(CrashDirectory::create({.seed = seed}));
  }

  void step() {
    const std::uint64_t what = random_() % 1000;
    if (what < 900) {
      deliver(new_chunk());
    } else if (what < 950) {
      deliver_again();
    } else if (what < 965) {
      crash();
    } else if (what < 980) {
      crash_in_the_midst();
    } else if (what < 990) {
      ASSERT_THAT(machine_->checkpoint(), IsOk());
    } else if (what < 995) {
      fail_once();
    } else if (what < 997) {
      move_to_a_new_replica();
    } else {
      ASSERT_THAT(machine_->apply({{model_.last_index(), Noop{}, 1}, {1, Noop{}, 1}}),
                  HasErrc(Errc::invalid_argument));
    }
  }
  void compare() {
    ASSERT_THAT(model_.compare(*machine_), IsOk());
    ASSERT_EQ(machine_->machine().now(), model_.now());
    ASSERT_EQ(machine_->machine().check_invariants(), std::vector<std::string>{});
  }

  std::uint64_t operations = 0, crashes = 0, duplicates = 0, done = 0;

 private:
  using Chunk = std::vector<Request>;

  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  std::string key() {
    return std::string(1, static_cast<char>('a' + below(3))) + std::to_string(below(60));
  }
  Time clock() {
    second_ += Time(below(400));
    const Time jump = std::chrono::hours(below(50) == 0 ? below(3) : 0);
    if (below(200) == 0) second_ += std::chrono::minutes(5);
    return below(2) == 0 ? second_ + jump / 60 : second_ - jump;
  }
  std::optional<Time> end() {
    if (below(3) != 0) return std::nullopt;
    return second_ + Time(below(60'000));
  }
  std::uint64_t lease() { return below(6) == 0 ? 1 + below(5) : 0; }
  Command command() {
    switch (below(14)) {
      case 0:
        return Erase{key()};
      case 1:
        return CompareAndSwap{key(),
                              below(2) ? std::optional(std::to_string(below(4))) : std::nullopt,
                              std::to_string(below(4)), end(), lease()};
      case 2:
        return Increment{key(), static_cast<std::int64_t>(below(9)) - 4};
      case 3: {
        const auto found = model_.values().find(key());
        const bool is_right = found != model_.values().end() && below(2) == 0;
        return PutIfRevision{key(), "r", is_right ? found->second.revision : below(3), end(),
                             lease()};
      }
      case 4:
        return below(20) == 0 ? Command(EraseRange{{key(), key()}}) : Command(Noop{});
      case 5:
        return Tick{clock()};
      case 6:
        return Grant{1 + below(5), second_ + Time(1 + below(90'000))};
      case 7:
        return KeepAlive{1 + below(5), second_ + Time(1 + below(90'000))};
      case 8:
        return below(10) == 0 ? Command(Revoke{1 + below(5)}) : Command(Configuration{});
      default:
        return Put{key(), std::string(below(30), 'v'), end(), lease()};
    }
  }
  Chunk new_chunk() {
    Chunk chunk;
    std::uint64_t index = model_.last_index();
    for (std::uint64_t count = 1 + below(8); count > 0; --count) {
      index += 1 + (below(100) == 0 ? below(3) : 0);
      if (below(500) == 0) ++term_;
      chunk.push_back({index, command(), term_, below(4) == 0 ? Time(0) : clock()});
    }
    return chunk;
  }

  void deliver(const Chunk& chunk) {
    const auto outcomes = machine_->apply(chunk);
    ASSERT_THAT(outcomes, IsOk());
    take(chunk, *outcomes);
  }
  void take(const Chunk& chunk, const std::vector<Outcome>& outcomes) {
    for (const Request& request : chunk) {
      if (request.index > model_.last_index()) past_.push_back(request);
    }
    while (past_.size() > kOutcomesRemembered + 500) past_.pop_front();
    ASSERT_EQ(outcomes.size(), chunk.size());
    for (std::size_t n = 0; n < chunk.size(); ++n) {
      ASSERT_EQ(outcomes[n], model_.apply(chunk[n])) << "entry " << chunk[n].index;
      duplicates += outcomes[n] == Outcome::duplicate;
      done += outcomes[n] == Outcome::done;
    }
    operations += chunk.size();
  }
  void deliver_again() {
    if (past_.empty()) return;
    const std::size_t begin = below(past_.size()), count = 1 + below(20);
    Chunk chunk;
    for (std::size_t n = begin; n < past_.size() && chunk.size() < count; ++n) {
      chunk.push_back(past_[n]);
    }
    if (begin + chunk.size() == past_.size()) {
      for (Request& request : new_chunk()) chunk.push_back(std::move(request));
    }
    deliver(chunk);
  }

  Crash way() { return below(2) == 0 ? Crash::power_cut : Crash::process_kill; }
  void open(std::shared_ptr<CrashDirectory> disk) {
    machine_.reset();
    disk_ = std::move(disk);
    auto machine = KvStateMachine::open(disk_, small_options());
    ASSERT_THAT(machine, IsOk());
    machine_.emplace(std::move(*machine));
  }
  void crash() {
    ++crashes;
    open(disk_->crash(way()));
    compare();
  }
  // The chunk is there or not; then it is delivered again.
  void crash_in_the_midst() {
    const Chunk chunk = new_chunk();
    disk_->cut_power_at(disk_->operation_count() + 1 + below(6));
    const auto outcomes =
        below(3) == 0 ? Result<std::vector<Outcome>>(saved()) : machine_->apply(chunk);
    if (outcomes && !outcomes->empty()) take(chunk, *outcomes);
    ++crashes;
    open(disk_->crash(way()));
    if (machine_->last_index() != model_.last_index()) {
      ASSERT_EQ(machine_->last_index(), chunk.back().index);
    }
    deliver(chunk);
    compare();
  }
  std::vector<Outcome> saved() {
    machine_->checkpoint().ignore("the power goes meanwhile");
    return {};
  }
  // One call of the disk fails: nothing is lost, whether it goes on or is opened again.
  void fail_once() {
    disk_->fail_at(disk_->operation_count() + 1 + below(3),
                   below(2) == 0 ? Errc::no_space : Errc::io);
    const Chunk chunk = new_chunk();
    const auto outcomes = machine_->apply(chunk);
    if (outcomes) take(chunk, *outcomes);
    disk_->fail_at(0, Errc::io);
    open(disk_->crash(Crash::process_kill));
    deliver(chunk);
    compare();
  }
  void move_to_a_new_replica() {
    const Bytes bytes = machine_->snapshot().value();
    open(CrashDirectory::create({.seed = random_()}));
    ASSERT_THAT(machine_->install(bytes), IsOk());
    ASSERT_EQ(machine_->snapshot().value(), bytes);
    compare();
  }

  Random random_;
  Time second_{1'700'000'000'000};
  std::uint64_t term_ = 1;
  std::deque<Request> past_{};
  KvModel model_{};
  std::shared_ptr<CrashDirectory> disk_{};
  std::optional<MachineAdapter> machine_{};
};

TEST(KvModelTest, RandomEntriesAreAsPlainMapsSay) {
  const std::uint64_t operations = from_environment("WALKIT_KV_OPERATIONS", 50'000);
  World world(20261204);
  for (std::uint64_t steps = 0; world.operations < operations; ++steps) {
    world.step();
    if (steps % 100 == 0) world.compare();
    ASSERT_FALSE(HasFailure()) << "step " << steps;
  }
  world.compare();
  std::cout << world.operations << " operations, " << world.done << " done, " << world.duplicates
            << " beyond what is remembered, " << world.crashes << " crashes\n";
  EXPECT_GT(world.crashes, operations / 1000);
}

}  // namespace
}  // namespace walkit::kv
