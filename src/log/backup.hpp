#pragma once

#include <vector>

#include "log/backup_list.hpp"
#include "walkit/log/maintenance_reports.hpp"
#include "walkit/log/options.hpp"

namespace walkit::log {

/// Copies what is durable of the log in `home` into the empty folder `copy`, whose lock the caller
/// holds, and BACKUP last. gap: trimmed again and again while it was copied.
Result<BackupReport> back_up(Directory& home, Directory& copy, const ReadOptions& options);

/// What differs from the list.
Status check_backup_files(Directory& copy, const BackupList& list, std::vector<Error>& damage);

}  // namespace walkit::log
