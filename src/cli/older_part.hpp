#pragma once

#include "walkit/log/log_reader.hpp"

namespace walkit::cli {

/// Gives the entries from `from` on up to the first place where the log does not hold, be that a
/// missing segment, a header, a link or a frame; which of them it is, is not said. Never an entry
/// behind a hole. For logs that nobody writes. Errors: those of apply and of the device.
Status give_older_part(Directory& home, ReplayMode mode, EntryId from,
                       const LogReader::Apply& apply);

}  // namespace walkit::cli
