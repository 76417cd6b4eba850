#pragma once

#include <memory>

#include "walkit/io/directory.hpp"

namespace walkit {

/// A directory in memory, for tests and for logs that need not outlive the process: all calls
/// behave as they do on a file system, and sync() has nothing to do. Time and random bytes are
/// real. Any thread may call.
struct MemoryDirectory {
  /// An empty one. It dies with the last owner of the directory; open files keep their own bytes.
  [[nodiscard]] static std::shared_ptr<Directory> create();
};

}  // namespace walkit
