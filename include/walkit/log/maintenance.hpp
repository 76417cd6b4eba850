#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/options.hpp"
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

[[nodiscard]] std::string to_string(const VerifyReport& report);
[[nodiscard]] std::string to_string(const RepairPlan& plan);  // a line for each step
[[nodiscard]] std::string to_string(const SalvageReport& report);

/// Care of a log whatever its entries are. All calls but apply() change nothing in it. What must
/// not run beside a writer answers `locked` there. Memory is bounded by the largest frame and by
/// what is told. Any thread.
class WalMaintenance {
 public:
  /// not_found: no such folder. The log in it may be in any state. Of the options subdirectory,
  /// expect_durable_through, frame_bytes_max and threads count.
  static Result<WalMaintenance> open(std::shared_ptr<Directory> directory,
                                     ReadOptions options = {});

  /// The files, oldest first. corrupt: see verify().
  Result<std::vector<SegmentInfo>> segment_ranges() const;

  /// Reads every byte that counts, and goes on behind damage. Beside a writer it ends at what is
  /// durable. Errors are those of the folder; what is wrong with the log is in the report.
  Result<VerifyReport> verify() const;

  /// Copies all that verifies into a new log of its own identity in the same subdirectory of
  /// `empty_target`. Ids, payloads, times and schemas stay; holes become recorded losses, so that
  /// strict replay of the copy needs RecordedLoss::accept. The copy is durable on return and opens
  /// for writing. already_exists: something is there. An error leaves files there that no writer
  /// opens, to be deleted before the next try. Beside a writer it ends at what is durable.
  Result<SalvageReport> salvage(std::shared_ptr<Directory> empty_target) const;

  /// What it takes so that the log can be opened for writing and replayed again. Empty for a log
  /// that is healthy, or that open-for-write settles itself (a torn tail). locked: a writer is
  /// there. incompatible: a newer walkit wrote part of it, and must repair it. Reads the whole log.
  Result<RepairPlan> plan_repair() const;

  /// Does what the plan says, under the writer's lock, and is durable on return. Old files go
  /// whole into quarantine/; none is edited or deleted but temporary ones. A log with damaged
  /// segments is written anew, so there must be room for it twice: no_space comes before
  /// anything is changed. After any other error or a crash make a new plan: the log is as before,
  /// as after, or the new plan finishes. locked: a writer is there. invalid_argument: the log
  /// changed since, or `accepted` does not cover plan.lost.
  Status apply(const RepairPlan& plan, EntryIdRange accepted = {}) const;

 private:
  WalMaintenance(std::shared_ptr<Directory> parent, ReadOptions options)
      : parent_(std::move(parent)), options_(std::move(options)) {}

  std::shared_ptr<Directory> parent_;
  ReadOptions options_;
};

}  // namespace walkit
