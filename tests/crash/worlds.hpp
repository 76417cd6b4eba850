#pragma once

#include <cstdint>

#include "walkit/base/result.hpp"

namespace walkit::crash {

struct WorldTotals {
  std::uint64_t states = 0, failed_operations = 0;
};

/// One random world from its seed to its last boot: setup, traces, failed operations, kills, a
/// power cut, recovery. The error is what a promise did not hold.
Status live_one_world(std::uint64_t seed, WorldTotals& totals);

}  // namespace walkit::crash
