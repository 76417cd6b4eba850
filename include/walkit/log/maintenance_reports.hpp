#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/log/reports.hpp"

namespace walkit {

/// All that is wrong with a log.
struct VerifyReport {
  EntryIdRange entries{};    // the first and the last that read well
  EntryId proven_through{};  // above it: no finished sync is known to cover it
  std::uint64_t torn_bytes = 0, suspect_bytes = 0;  // see RecoveryReport
  /// Each with file, offset and, in `lost`, the ids that are gone there. Empty: strict replay and
  /// open-for-write go through, but for a torn tail. Recorded losses were accepted and do not
  /// count. One bad slot of MANIFEST is told, and harms nothing.
  std::vector<Error> damage{};
};

/// One thing that a repair does.
struct RepairStep {
  enum class Action {
    quarantine_file,    // renamed into quarantine/, whole
    write_replacement,  // a new segment with the entries that verify
    record_loss,        // in a new segment: the ids at `file`, `offset` are given up
    rebuild_index,
    rebuild_manifest,  // the old one goes into quarantine/
    remove_temporary   // a file that was never finished
  } action{};
  std::string file{}, why{};
  std::uint64_t offset = 0, bytes = 0;
  friend bool operator==(const RepairStep&, const RepairStep&) = default;
};

/// What apply() would do; no steps: nothing needs repair.
struct RepairPlan {
  std::vector<RepairStep> steps{};
  EntryIdRange lost{};  // acknowledged entries that no step brings back lie in it
  friend bool operator==(const RepairPlan&, const RepairPlan&) = default;
};

/// What a salvage brought into the new log.
struct SalvageReport {
  EntryIdRange entries{};         // the first and the last
  std::uint64_t entry_count = 0;  // lower than the range only where there are losses
  std::vector<Error> losses{};    // each hole, and what was recorded as lost before, in order
};

/// What a backup holds.
struct BackupReport {
  EntryIdRange entries{};   // of an empty log: the id that comes first, and the one before
  std::uint64_t bytes = 0;  // of all files
  std::uint64_t linked_files = 0, copied_files = 0;  // segments; linked: they take no space
};

/// How long a trim keeps what it might remove. The default keeps nothing longer than needed. A
/// value.
struct Retention {
  /// As long as the whole log, files as they are on disk, is no larger than this.
  std::uint64_t bytes = 0;
  /// As long as the newest entry of a segment is younger than this, by the writer's clock.
  std::chrono::seconds age{0};
};

/// Why a segment is not removed.
struct TrimHold {
  enum class By {
    keep,            // it has entries from `keep` on
    newest_segment,  // there is none behind it
    retention,
    pin,
    observer  // WalObserver::may_trim() said no
  } by{};
  std::string name{};  // of the pin; "": one of this process
  friend bool operator==(const TrimHold&, const TrimHold&) = default;
};

/// What a trim would do.
struct TrimPlan {
  std::vector<SegmentInfo> segments{};  // to be removed, oldest first
  std::uint64_t bytes = 0;              // that they take
  EntryId oldest{};                     // the oldest entry left
  /// All that keeps the first of the segments left.
  std::vector<TrimHold> held_by{};
  /// Named pins that hold nothing any more: from there on the log is larger than they allow.
  std::vector<std::string> overrun_pins{};
};

[[nodiscard]] std::string to_string(const VerifyReport& report);
[[nodiscard]] std::string to_string(const RepairPlan& plan);  // a line for each step
[[nodiscard]] std::string to_string(const SalvageReport& report);
[[nodiscard]] std::string to_string(const BackupReport& report);
[[nodiscard]] std::string to_string(const TrimPlan& plan);  // a line for each segment

}  // namespace walkit
