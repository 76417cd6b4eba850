#pragma once

// Named pins: a file each, in the folder pins/, for followers and backups in other processes.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "log/format.hpp"
#include "walkit/io/directory.hpp"
#include "walkit/log/pins.hpp"

namespace walkit::log {

/// invalid_argument: not 1 to 64 of the characters a-z, 0-9, '_' and '-'.
Status check_pin_name(std::string_view name);

/// The pins of a log by their names, oldest name first; none where there is no folder.
/// log: its identity.
Result<std::vector<PinInfo>> list_pins(Directory& home, const LogIdentity& log);

/// The folder of pins, made if it is not there, and its lock: who changes a pin holds it, and so
/// does who decides what a trim removes, until MANIFEST says so. One thread.
class PinFolder {
 public:
  /// Waits for others a second, then answers locked. Removes what was never finished.
  static Result<PinFolder> open(Directory& home);

  /// Durable on return, in place of one of that name.
  Status put(std::string_view name, const PinRecord& record);
  Result<PinRecord> get(std::string_view name);
  /// Durable on return. not_found.
  Status remove(std::string_view name);

 private:
  PinFolder(std::shared_ptr<Directory> folder, std::unique_ptr<DirectoryLock> lock)
      : folder_(std::move(folder)), lock_(std::move(lock)) {}

  std::shared_ptr<Directory> folder_;
  std::unique_ptr<DirectoryLock> lock_;
};

}  // namespace walkit::log
