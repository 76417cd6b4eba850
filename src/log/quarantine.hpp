#pragma once

#include <memory>
#include <string>
#include <vector>

#include "walkit/io/directory.hpp"

namespace walkit::log {

/// Where whole files go that are in the way of a log: kept, never read. One thread.
class Quarantine {
 public:
  /// Makes the folder if it is not there.
  static Result<Quarantine> open(Directory& home);

  /// Moves the file in, under a name that replaces nothing. Durable after sync().
  Status take(const std::string& file);
  /// Its bytes as a file of their own, likewise; durable on return.
  Status keep_copy(const std::string& file, BytesView bytes);
  Status sync();

 private:
  Quarantine(Directory& home, std::shared_ptr<Directory> folder)
      : home_(&home), folder_(std::move(folder)) {}

  Directory* home_;
  std::shared_ptr<Directory> folder_;
};

/// All of them; durable on return.
Status set_aside(Directory& home, const std::vector<std::string>& files);

}  // namespace walkit::log
