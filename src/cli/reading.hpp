#pragma once

#include <memory>
#include <string>

#include "cli/older_part.hpp"
#include "cli/place.hpp"
#include "walkit/log/log_reader.hpp"

namespace walkit::cli {

/// A log that was opened for reading.
struct OpenLog {
  Place place{};
  std::shared_ptr<Directory> home{};
  LogReader reader;
};
/// incompatible: not a log of these entries.
Result<OpenLog> open_log(const std::string& directory, const Entries& entries,
                         Durability visibility = Durability::durable);

/// LogReader::replay, but that damage comes after all entries in front of it: the library may
/// refuse a log for its names or headers before it gives the first.
Result<ReplaySummary> replay(const OpenLog& log, ReplayMode mode, EntryId from, const Apply& apply);

}  // namespace walkit::cli
