#pragma once

#include <optional>
#include <vector>

#include "log/backup_list.hpp"
#include "walkit/log/maintenance_reports.hpp"
#include "walkit/log/options.hpp"

namespace walkit::log {

/// Copies what is durable of the log in `home` into the empty folder `copy`, whose lock the caller
/// holds, and BACKUP last. gap: trimmed again and again while it was copied.
Result<BackupReport> back_up(Directory& home, Directory& copy, const ReadOptions& options);

/// Why a file is not what was copied; none: it is. Errors are of memory only.
Result<std::optional<Error>> check_file(Directory& copy, const BackupFile& file);
/// What differs from the list, of the files in this folder.
Status check_backup_files(Directory& copy, const BackupList& list, std::vector<Error>& damage);

}  // namespace walkit::log
