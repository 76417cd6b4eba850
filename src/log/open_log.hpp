#pragma once

#include "log/log_core.hpp"

namespace walkit::log {

/// Opens a log for writing: plans (lock, names, the newest headers, the tail), then applies. An
/// error from the plan changed nothing. What it hands over is durable.
Result<LogStart> open_log(Directory& parent, WalOptions options, StoredType type);

}  // namespace walkit::log
