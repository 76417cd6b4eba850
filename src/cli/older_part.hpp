#pragma once

#include <functional>

#include "walkit/log/log_reader.hpp"

namespace walkit::cli {

/// What is done with each entry.
using Apply = std::function<Result<Step>(const EntryView&)>;

/// Which entries, and where to begin looking: at the segment of the last one that was given, so
/// that what is wrong with its end is found again.
struct OlderRange {
  EntryId from{}, look_from{};
};

/// Gives the entries from `from` on up to the first place where the log does not hold, be that a
/// missing segment, a header, a link, a seal or a frame; which of them it is, is not said. Never an
/// entry behind it. For logs that nobody writes. Errors: those of apply and of the device.
Status give_older_part(Directory& home, ReplayMode mode, OlderRange range, const Apply& apply);

}  // namespace walkit::cli
