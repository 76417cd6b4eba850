#include "walkit/checkpoint/recovery_errors.hpp"

#include <new>
#include <string>

namespace walkit::recovery_errors {
namespace {

// What it is stays true where there is no memory to say more; this fits into the string itself.
template <class Make>
Error or_bare(Errc code, Make&& make) {
  try {
    return make();
  } catch (const std::bad_alloc&) {
    return {.code = code, .message = "out of memory"};
  }
}

}  // namespace

Error needs_checkpoint(Error gap, EntryId checkpoint, const std::vector<Error>& skipped) {
  return or_bare(Errc::gap, [&]() -> Error {
    Error error = std::move(gap);
    const bool none = checkpoint == EntryId{};
    error.message = (none ? std::string("there is no usable checkpoint")
                          : "the newest usable checkpoint is at entry " + to_string(checkpoint)) +
                    ", and the log does not reach back to it: " + error.message;
    if (!skipped.empty()) {
      error.message += "; " + std::to_string(skipped.size()) +
                       " newer damaged, first: " + to_string(skipped.front());
    }
    error.next_step = "restore the checkpoint, or both from a backup; nothing was changed";
    return error;
  });
}

Error ahead_of_log(EntryId checkpoint, EntryIdRange log) {
  const EntryId end = log.empty() ? log.first - 1 : log.last;
  return or_bare(Errc::corrupt, [&]() -> Error {
    return {.code = Errc::corrupt,
            .message = "the checkpoint at entry " + to_string(checkpoint) +
                       " is ahead of the log, which ends at entry " + to_string(end) +
                       ": acknowledged entries are gone",
            .lost = {end + 1, checkpoint},
            .next_step =
                "restore the log from a backup; or, since the checkpoint holds their effect, "
                "continue_from_checkpoint"};
  });
}

Error other_log(EntryId checkpoint) {
  return or_bare(Errc::corrupt, [&]() -> Error {
    return {.code = Errc::corrupt,
            .message = "the checkpoint at entry " + to_string(checkpoint) +
                       " is of another log than the one beside it",
            .next_step = "check that both folders come from the same place"};
  });
}

}  // namespace walkit::recovery_errors
