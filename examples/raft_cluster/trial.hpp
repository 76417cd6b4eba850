#pragma once

#include <cstdint>

#include "server.hpp"

struct TrialOptions {
  unsigned kills = 20;
  std::uint64_t seed = 1;  // of what the trial does; not of how threads and processes run
  Lie lie = Lie::none;
};

/// Three servers in processes of their own, in folders of the current one, under load; their leader
/// is killed again and again, alone or with others, and started again. Then, of what clients were
/// told, nothing may be missing, and the three must be equal. With a lie it has to find that it is
/// not so. The exit code.
int try_cluster(const TrialOptions& options);
