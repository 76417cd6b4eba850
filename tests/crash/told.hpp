#pragma once

#include <cstdint>
#include <memory>

#include "crash/workload.hpp"

namespace walkit::crash {

/// What became of images that a device left which does more than walkit assumes.
struct ToldTotals {
  std::uint64_t same = 0;         // all that was acknowledged is there
  std::uint64_t refused = 0;      // an error of replay or of open, with a file or ids
  std::uint64_t reported = 0;     // less is there, and the last writer did not close cleanly
  std::uint64_t rolled_back = 0;  // less is there, as at an earlier clean close
};

/// What must hold of a directory whatever the device did: no entry that is not as it was submitted,
/// and none that was acknowledged gone in silence. One loss cannot be told: that of all lives after
/// a clean close, as when an older copy of the folder is put back.
[[nodiscard]] Status check_is_told(const std::shared_ptr<Directory>& directory, const Setup& setup,
                                   const Model& model, ToldTotals& totals);

}  // namespace walkit::crash
