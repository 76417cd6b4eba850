#pragma once

// What a repair does, thought through and not yet done. See docs/repair.md.

#include <map>
#include <string>
#include <vector>

#include "log/log_builder.hpp"
#include "walkit/log/maintenance.hpp"

namespace walkit::log {

/// A plan with what apply() needs to know besides.
struct Repair {
  RepairPlan plan{};
  /// The segments are written anew; else at most MANIFEST is.
  bool rewrites = false;
  LogBuilder::Place place{};  // for that
  SegmentHeader like{};
  std::optional<ManifestSlot> manifest{};  // to be written; none: it stays as it is
  std::vector<std::string> set_aside{};
  std::vector<std::string> temporary_files{};
  bool has_manifest = false;  // there is a file of that name
};

/// parent: of the folder `home` that options.subdirectory names. No writer may be there.
Result<Repair> plan_repair(const std::shared_ptr<Directory>& parent, Directory& home,
                           const ReadOptions& options);
Status apply_repair(Directory& home, const ReadOptions& options, const Repair& repair);

/// Would strict replay that accepts recorded losses, and open-for-write, go through, but for a torn
/// tail?
Status judge_log(const std::shared_ptr<Directory>& parent, Directory& home,
                 const ReadOptions& options);

/// corrupt: only LOCK or the caller tells of a log. not_found: nothing does.
Status check_something_is_there(const SalvageSources& sources);

}  // namespace walkit::log
