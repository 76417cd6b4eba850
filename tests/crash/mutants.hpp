#pragma once

#include <span>

#include "base/mutation.hpp"
#include "crash/sweeps.hpp"

namespace walkit::crash {

struct NamedSweep {
  const char* name;
  Sweep run;
};
[[nodiscard]] std::span<const NamedSweep> sweeps();

/// A step of the protocol that is left out, what breaks without it, and who finds out.
struct Mutant {
  Mutation mutation;
  const char* name;    // in CamelCase, for the test
  const char* step;    // what is done instead
  const char* breaks;  // the promise, by its number in docs/durability.md, and how
  Sweep sweep;
};
[[nodiscard]] std::span<const Mutant> mutants();

/// "`worlds`"
[[nodiscard]] const char* name_of(Sweep sweep);

}  // namespace walkit::crash
