#include "crash/worlds.hpp"

#include <random>

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;

constexpr std::uint64_t kPlenty = 1 << 30;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::mt19937_64 random_;
};

Setup random_setup(Dice& dice) {
  const FlushPolicy policies[] = {FlushPolicy::every_append(), FlushPolicy::manual(),
                                  FlushPolicy::every_n(3), FlushPolicy::every_bytes(2000)};
  Setup setup;
  setup.flush = policies[dice.below(std::size(policies))];
  setup.durability = dice.one_in(4) ? Durability::flushed : Durability::durable;
  setup.layout = dice.one_in(4) ? Layout::whole_blocks : Layout::packed;
  setup.preallocation = dice.one_in(4) ? Preallocation::none : Preallocation::zero_fill;
  setup.segment_bytes = 4096 + dice.below(3) * 8192;
  if (dice.one_in(3)) setup.compression = dice.one_in(2) ? Compression::lz4 : Compression::zstd;
  return setup;
}

Trace random_trace(Dice& dice, std::size_t calls) {
  Trace trace;
  while (calls-- > 0) trace.push_back(nth_trace(dice.below(trace_count(1)), 1).front());
  return trace;
}

}  // namespace

Result<World> make_world(std::uint64_t seed, WorldTotals& totals, const Ground& ground) {
  Dice dice(seed);
  World world{.setup = random_setup(dice)};
  const Setup& setup = world.setup;
  const auto first = CrashDirectory::create(
      {.seed = seed, .model = ground.model, .sector_bytes = ground.sector_bytes});
  if (ground.may_run_full && seed % 3 == 0) first->set_free_bytes(Dice(~seed).below(60'000));
  if (dice.one_in(3)) first->cut_power_at(1 + dice.below(120));
  if (dice.one_in(3)) {
    ++totals.failed_operations;
    // One throw after the other: as arguments of one call each compiler has an order of its own.
    const Errc code = dice.one_in(2) ? Errc::io : Errc::no_space;
    first->fail_at(1 + dice.below(60), code);
  }
  Model& model = world.model = run(first, setup, random_trace(dice, 4 + dice.below(24)));
  // A process that dies and comes back finds what the cache says, also where a failed sync lied.
  std::shared_ptr<CrashDirectory> boot = first;
  for (unsigned life = 2; dice.one_in(2); ++life) {
    boot = boot->crash(Crash::process_kill);
    boot->set_free_bytes(kPlenty);
    const auto n = check_replay(boot, model, ReplayMode::best_effort);
    ++totals.states;
    if (!n) return n.error();
    if (dice.one_in(4)) boot->fail_at(1 + dice.below(20), Errc::io);
    model = run(boot, setup, random_trace(dice, dice.below(6)), std::move(model), life);
  }
  boot->set_free_bytes(kPlenty);
  world.image = boot->crash(Crash::power_cut);
  world.crashes_in_recovery = dice.one_in(8);
  ++totals.states;
  return world;
}

Status live_one_world(std::uint64_t seed, WorldTotals& totals, const Ground& ground) {
  const auto world = make_world(seed, totals, ground);
  if (!world) return world.error();
  if (!world->crashes_in_recovery) return check(world->image, world->setup, world->model);
  ++totals.states;
  return check_crashes_in_recovery(world->image, world->setup, world->model);
}

Status live_one_hostile_world(std::uint64_t seed, ToldTotals& totals, const Ground& ground) {
  WorldTotals lives;
  const auto world = make_world(seed, lives, ground);
  if (!world) return world.error();
  return check_is_told(world->image, world->setup, world->model, totals);
}

}  // namespace walkit::crash
