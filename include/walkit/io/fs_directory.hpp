#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "walkit/base/result.hpp"
#include "walkit/io/directory.hpp"

namespace walkit {

/// create_if_missing: makes every missing level of the path. must_exist: makes none. read_only:
/// needs no right to write and changes nothing; every call that would answers invalid_argument.
enum class FsAccess : std::uint8_t { create_if_missing, must_exist, read_only };

/// required: lock() takes a kernel lock, gone when the process dies. caller_excludes_others: it
/// takes none and is_locked() is always false, so two writers destroy the log unless you keep them
/// apart, and a reader beside a writer may take a tail in motion for a torn one; only for file
/// systems that cannot lock.
enum class FsLocking : std::uint8_t { required, caller_excludes_others };

struct FsOptions {
  FsAccess access = FsAccess::create_if_missing;
  FsLocking locking = FsLocking::required;
};

/// A directory of the file system.
///
/// A name stands for a regular file or a subdirectory and nothing else: a symbolic link, FIFO,
/// device or socket in its place is io, and so is a file with a second hard link when it is opened
/// for writing. Files are made with mode 0644 and directories with 0755, less the umask.
///
/// Under a file size limit (`ulimit -f`) the kernel sends SIGXFSZ, which ends the process; ignore
/// that signal and the write answers no_space. Interrupted calls are repeated.
///
/// A fork's child gives its copy of a lock up, so the lock is free as soon as the parent is gone.
/// Any thread may call.
struct FsDirectory {
  /// The directory at `path`, durable in its parent; so is every level made on the way. Symbolic
  /// links in `path` itself are followed. not_found: it is missing and was not to be made; io:
  /// something on the way is no directory, or the right is missing. Subdirectories inherit the
  /// options.
  static Result<std::shared_ptr<Directory>> open(const std::filesystem::path& path,
                                                 FsOptions options = {});
};

}  // namespace walkit
