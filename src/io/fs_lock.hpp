#pragma once

#include <memory>

#include "io/system.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/io/fs_directory.hpp"

namespace walkit::io {

/// Directory::lock() of a file system. not_supported: it cannot lock.
Result<std::unique_ptr<DirectoryLock>> lock_fs_directory(
    std::shared_ptr<const Descriptor> directory, FsLocking locking);

/// Directory::is_locked() of a file system.
Result<bool> is_fs_directory_locked(int directory);

}  // namespace walkit::io
