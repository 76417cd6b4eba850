#pragma once

#include "walkit/io/directory.hpp"
#include "walkit/log/options.hpp"

namespace walkit::log {

/// See WalMaintenance::continue_after(). Under the writer's lock.
Status continue_log(Directory& home, EntryId through, const LogIdentity& log);

}  // namespace walkit::log
