#pragma once

#include <vector>

#include "walkit/base/result.hpp"
#include "walkit/base/types.hpp"

/// What recovery says where checkpoints and log do not meet.
namespace walkit::recovery_errors {

/// gap: the log begins behind the checkpoint, or there is none (EntryId{}) and it was trimmed.
[[nodiscard]] Error needs_checkpoint(Error gap, EntryId checkpoint,
                                     const std::vector<Error>& skipped);
/// corrupt: the log ends before it.
[[nodiscard]] Error ahead_of_log(EntryId checkpoint, EntryIdRange log);
/// corrupt: it has another identity than the log.
[[nodiscard]] Error other_log(EntryId checkpoint);

}  // namespace walkit::recovery_errors
