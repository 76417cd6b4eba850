#include "log/snapshot.hpp"

#include <algorithm>

namespace walkit::log {
namespace {

// A writer that came, went or synced between two reads makes a look doubtful. There is no verdict
// while that goes on, but an end to looking.
constexpr int kLooksMax = 1000;

// Beside a writer nothing behind the durable id is judged, so that a tail in motion is no tail at
// all.
Result<Snapshot> look_beside_writer(Directory& directory, Snapshot snapshot, const Witnesses& seen,
                                    std::uint64_t frame_bytes_max) {
  // The writer that is just opening the log sets it aside.
  if (Status ok = drop_unborn(directory, snapshot.listing); !ok) return ok.error();
  const ManifestSlot* slot = snapshot.listing.manifest_slot();
  if (seen.lock && slot != nullptr && seen.lock->log == slot->log) {
    snapshot.end = seen.lock->durable_through;
    snapshot.log = slot->log;
  } else {
    // No evidence in LOCK: what the frames themselves know.
    auto found = survey(directory, snapshot.listing, {}, frame_bytes_max);
    if (!found) return found.error();
    snapshot.end = std::min(found->proven, found->tail.last());
    snapshot.log = found->log;
  }
  snapshot.end = std::max(snapshot.end, seen.floor);  // what the caller knows must be there
  return snapshot;
}

Result<Snapshot> look(Directory& directory, bool live, const Witnesses& seen,
                      std::uint64_t frame_bytes_max) {
  auto listing = list_log(directory);
  if (!listing) return listing.error();
  Snapshot snapshot{.listing = std::move(*listing), .live = live};
  if (live) return look_beside_writer(directory, std::move(snapshot), seen, frame_bytes_max);
  auto found = survey(directory, snapshot.listing, seen, frame_bytes_max);
  if (!found) return found.error();
  snapshot.survey = std::move(*found);
  snapshot.end = snapshot.survey.tail.last();
  snapshot.log = snapshot.survey.log;
  if (snapshot.survey.unborn) {
    const std::uint64_t unborn = snapshot.survey.unborn->name.number;
    std::erase_if(snapshot.listing.segments,
                  [&](const SegmentFile& s) { return s.name.number >= unborn; });
  }
  return snapshot;
}

}  // namespace

Result<Snapshot> take_snapshot(Directory& directory, EntryId floor, std::uint64_t frame_bytes_max) {
  for (int looks = 1;; ++looks) {
    const auto locked = directory.is_locked();
    if (!locked) return locked.error();
    const auto before = read_lock_record(directory);
    if (!before) return before.error();
    auto snapshot = look(directory, *locked, {.lock = *before, .floor = floor}, frame_bytes_max);
    if (looks == kLooksMax) return snapshot;
    const auto locked_after = directory.is_locked();
    if (!locked_after) return locked_after.error();
    const auto after = read_lock_record(directory);
    if (!after) return after.error();
    const bool moved = *locked_after != *locked || *after != *before;
    const bool doubtful = !snapshot || !*locked;
    if (!moved || !doubtful) return snapshot;
  }
}

}  // namespace walkit::log
