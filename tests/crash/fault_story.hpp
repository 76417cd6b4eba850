#pragma once

// A writer that meets faults and goes on as its errors say, and what must hold of each answer.

#include <memory>
#include <optional>
#include <string>

#include "crash/workload.hpp"
#include "walkit/testing/crash_directory.hpp"
#include "walkit/testing/fault_directory.hpp"

namespace walkit::crash {

/// One call to an operation or a read, and how it fails.
struct PlacedFault {
  std::uint64_t number = 0;
  testing::Fault fault = testing::Fault::io;
  bool read = false;
};

struct FaultStory {
  std::shared_ptr<testing::CrashDirectory> device{};
  Model model{};
  std::uint64_t operations = 0, reads = 0;  // of all lives
  std::uint64_t faults = 0;                 // that were met
  std::uint64_t refused = 0, poisoned = 0;  // calls, in all lives
  std::string wrong{};                      // the first answer that should not have been
};

/// Runs the trace. What is refused is tried again, a writer that is done for is opened anew.
[[nodiscard]] FaultStory tell(const Setup& setup, const Trace& trace,
                              const std::vector<PlacedFault>& faults);

/// Whether all answers were right and the log holds what it must: as it stands, after a power cut
/// and after a kill.
[[nodiscard]] Status judge(const FaultStory& story, const Setup& setup);

}  // namespace walkit::crash
