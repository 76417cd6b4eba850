#pragma once

#include <memory>
#include <string>

#include "cli/cli.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/io/fs_directory.hpp"

namespace walkit::cli {

/// Where a log is, as the library wants it.
struct Place {
  std::shared_ptr<Directory> parent{};
  std::string subdirectory = "wal";

  Result<std::shared_ptr<Directory>> home() const {
    return parent->subdirectory(subdirectory, OpenMode::read);
  }
};

/// `path` is the directory that a program gave to FsDirectory::open, or the log's own folder inside
/// it. not_found: it is missing or no directory.
Result<Place> find_log(const std::string& path, FsAccess access);

/// invalid_argument: `target` is no place for a copy of the log in `directory`: it holds something,
/// which would be taken for part of it, or lies in the log.
Status check_new_target(const std::string& directory, const std::string& target);

/// "process 4711", or "another process" where LOCK does not say; "": nobody writes.
Result<std::string> writer_of(Directory& home);

enum class ManifestState { whole, one_bad_slot, bad, missing };
Result<ManifestState> manifest_state(Directory& home);

[[nodiscard]] std::string_view to_string(ManifestState state);

}  // namespace walkit::cli
