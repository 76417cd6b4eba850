#pragma once

#include <cstdint>
#include <string>

#include "cli/demo_input.hpp"

namespace walkit::demo {

/// What the journaling process tells its parent, each with one write() to a pipe: all of it or
/// none.
struct Message {
  enum class Kind : std::uint32_t { opened, acknowledged, counted } kind = Kind::opened;
  std::uint32_t thread = 0;                                 // acknowledged
  std::uint64_t index = 0, entry_id = 0;                    // acknowledged
  std::uint64_t recovered = 0;                              // opened: 1 after an unclean stop
  std::uint64_t open_ns = 0, rewritten = 0, cut_bytes = 0;  // opened
  std::uint64_t entries = 0, syncs = 0;                     // counted: since open
};

/// The process that is killed.
struct JournalPlan {
  std::string folder{}, file{};
  int pipe = -1;
  std::uint64_t seed = 0;
  std::uint64_t milliseconds = 0;  // close then, or when the first round is done; 0: never
};

[[nodiscard]] WalOptions demo_options();

/// Opens the log, goes on where it ends, and journals from several threads. The exit code.
int journal(const JournalPlan& plan);

}  // namespace walkit::demo
