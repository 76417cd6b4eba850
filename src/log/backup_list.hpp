#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/reports.hpp"

namespace walkit::log {

/// One file of a backup.
struct BackupFile {
  std::string name{};  // "checkpoints/NAME" if it is not in the log's folder
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;
  friend bool operator==(const BackupFile&, const BackupFile&) = default;
};

/// What the text file BACKUP says. See docs/format.md.
struct BackupList {
  LogIdentity log{};
  EntryIdRange entries{};
  std::vector<BackupFile> files{};
  friend bool operator==(const BackupList&, const BackupList&) = default;
};

[[nodiscard]] std::string to_text(const BackupList& list);
/// corrupt: not of this form, or its checksum differs. incompatible: of a newer walkit. Total.
[[nodiscard]] Result<BackupList> parse_backup_list(std::string_view text);

/// In place of one that is there. Durable on return.
Status write_backup_list(Directory& copy, const BackupList& list);
/// not_found: an interrupted backup, or none.
Result<BackupList> read_backup_list(Directory& copy);

}  // namespace walkit::log
