#pragma once

#include <cstdint>
#include <ostream>

#include "crash/told.hpp"
#include "crash/workload.hpp"
#include "walkit/base/result.hpp"
#include "walkit/testing/crash_model.hpp"

namespace walkit::crash {

struct WorldTotals {
  std::uint64_t states = 0, failed_operations = 0;
};

/// What a world stands on.
struct Ground {
  testing::CrashModel model{};
  std::uint32_t sector_bytes = 512;
  bool may_run_full = false;  // in one world of three, until the next life

  friend void PrintTo(const Ground& ground, std::ostream* out) { *out << ground.model.name; }
};

/// A random world up to its last crash.
struct World {
  Setup setup{};
  Model model{};
  std::shared_ptr<testing::CrashDirectory> image{};
  bool crashes_in_recovery = false;
};
/// From its seed: setup, traces, failed operations, kills, a power cut. The error is what a promise
/// did not hold.
Result<World> make_world(std::uint64_t seed, WorldTotals& totals, const Ground& ground = {});

/// The same, and its recovery. On ground that is_legal().
Status live_one_world(std::uint64_t seed, WorldTotals& totals, const Ground& ground = {});

/// The same on any ground, judged by check_is_told().
Status live_one_hostile_world(std::uint64_t seed, ToldTotals& totals, const Ground& ground);

}  // namespace walkit::crash
