#pragma once

#include <memory>
#include <string>
#include <vector>

#include "walkit/checkpoint/checkpoint_files.hpp"
#include "walkit/log/maintenance.hpp"

namespace walkit {

/// What a backup of a log and its checkpoints holds.
struct StateBackupReport {
  BackupReport wal{};
  std::vector<CheckpointInfo> checkpoints{};  // oldest first
};
[[nodiscard]] std::string to_string(const StateBackupReport& report);

/// Copies the checkpoints, then the log as WalMaintenance::backup() does, into subdirectories of
/// the same names in `empty_target`: what recover() and Journaled make of the copy is the state at
/// the last entry that was durable. Both may be written meanwhile. Errors are those of
/// WalMaintenance::backup(); gap: what was copied does not fit together, since another process
/// trimmed the log meanwhile: hold it by a named pin, and try again with another empty folder.
Result<StateBackupReport> back_up(const WalMaintenance& log, const CheckpointFiles& checkpoints,
                                  std::shared_ptr<Directory> empty_target);

/// As WalMaintenance::verify_backup(), for the checkpoints that were copied too: `damage` also says
/// which is missing or not what was copied, and whether the log lacks what the newest good one
/// needs. Of the options the subdirectories count.
Result<VerifyReport> verify_backup(std::shared_ptr<Directory> target, ReadOptions wal = {},
                                   CheckpointOptions checkpoints = {});

}  // namespace walkit
