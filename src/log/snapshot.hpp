#pragma once

#include <algorithm>

#include "log/survey.hpp"

namespace walkit::log {

/// What a reader sees of a log at one moment, beside a writer or without one.
struct Snapshot {
  Listing listing{};  // without a newest file that was not born yet
  bool live = false;  // somebody holds the lock
  /// Live: the durable id, the end whatever the mode. Else the last whole entry.
  EntryId end{};
  Survey survey{};  // not live: the newest segment, judged
  LogIdentity log{};

  [[nodiscard]] EntryIdRange entries() const {
    return {listing.oldest(), std::max(end, listing.oldest() - 1)};
  }
};

/// Looks until what it saw is of one moment. Readers give no verdict about damage before they have
/// read the place again after the evidence: beside a writer the first look may be the older one.
Result<Snapshot> take_snapshot(Directory& directory, EntryId floor, std::uint64_t frame_bytes_max);

}  // namespace walkit::log
