#pragma once

#include <string>

namespace walkit::testing {

/// What changes a directory. Each may be cut or failed by its number; reads are counted apart.
enum class OperationKind {
  write_at,
  fill_zeros,
  truncate,
  sync_file,
  create,
  rename,
  remove,
  sync_directory,
  create_subdirectory,  // its own sync included; CrashDirectory counts that apart, behind it
  link
};

/// One operation as it was asked for, whether it succeeded or not.
struct Operation {
  OperationKind kind{};
  std::string name{};  // "wal/MANIFEST"; a rename or link has the new name, the root directory ""
  friend bool operator==(const Operation&, const Operation&) = default;
};
/// "rename wal/MANIFEST".
[[nodiscard]] std::string to_string(const Operation& operation);

}  // namespace walkit::testing
