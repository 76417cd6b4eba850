#include "app/raft_image.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace walkit::raft {

namespace {

Error corrupt(std::string message) {
  return {.code = Errc::corrupt,
          .message = std::move(message),
          .next_step =
              "remove this server and let it join as a new one, or restore a backup; do "
              "not let it vote with what it has"};
}

}  // namespace

void GroupImage::fail(std::string message) {
  if (!failure_) failure_ = corrupt(std::move(message));
}

void GroupImage::truncate(std::uint64_t from) {
  index.truncate(from);
  while (!configurations.empty() && configurations.back() >= from) configurations.pop_back();
}

void GroupImage::take_entry(const EntryRecord& record, EntryId id) {
  const EntryBytes& entry = record.entry;
  // Of a log whose beginning was trimmed the first may be any, some that were replaced since too:
  // finish() sees whether the last ones reach back as far as they must.
  if (!index.empty() && entry.index > index.last() + 1) {
    return fail("entry " + std::to_string(entry.index) + " follows " +
                std::to_string(index.last()));
  }
  truncate(entry.index);
  const auto before = index.find(entry.index - 1);
  if (before && before->term > entry.term) {
    return fail("entry " + std::to_string(entry.index) + " is of term " +
                std::to_string(entry.term) + ", the one before of " + std::to_string(before->term));
  }
  index.append(entry.index, {.id = id, .term = entry.term, .schema = record.schema});
  if (entry.kind == EntryKind::configuration) configurations.push_back(entry.index);
  if (!record.progress) return;
  progress.commit = std::max(progress.commit, record.progress->commit);
  progress.applied = std::max(progress.applied, record.progress->applied);
}

void GroupImage::take(const Record& record, EntryId id) {
  if (const auto* entry = std::get_if<EntryRecord>(&record.what)) {
    take_entry(*entry, id);
  } else if (const auto* hard = std::get_if<HardStateRecord>(&record.what)) {
    if (hard->hard_state.term < hard_state.term) return fail("the term fell");
    hard_state = hard->hard_state;
  } else if (const auto* now = std::get_if<ProgressRecord>(&record.what)) {
    progress.commit = std::max(progress.commit, now->progress.commit);
    progress.applied = std::max(progress.applied, now->progress.applied);
  } else if (const auto* cut = std::get_if<TruncateRecord>(&record.what)) {
    truncate(cut->from);
  } else if (const auto* begin = std::get_if<BaseRecord>(&record.what)) {
    base = *begin;
    base_id = id;
    if (!begin->replaced) return;
    index.clear();
    configurations.clear();
  }
}

// What is known of entries below the snapshot stays, for readers that are a little behind.
Status GroupImage::begin_behind(const SnapshotHeader& snapshot) {
  const SnapshotInfo& info = snapshot.info;
  const auto same = index.find(info.index);
  const bool is_newest = !base || base->snapshot_index <= info.index;
  const bool agrees =
      same ? same->term == info.term
           : base && base->first_index == info.index + 1 && base->previous_term == info.term;
  if (!is_newest) {
    // A newer snapshot is gone or damaged: the log must reach back to this one.
    const bool reaches = agrees || index.contains(info.index + 1);
    if (!reaches) {
      return corrupt("the snapshot at " + std::to_string(base->snapshot_index) +
                     " is gone or damaged, and the log does not reach back to the one at " +
                     std::to_string(info.index));
    }
    first_index = info.index + 1;
    previous_term = info.term;
    return {};
  }
  if (agrees) {
    if (base) {
      first_index = base->first_index;
      previous_term = base->previous_term;
    }
    return {};
  }
  if (!snapshot.installed) {
    return corrupt("the snapshot at " + std::to_string(info.index) + " of term " +
                   std::to_string(info.term) + " was taken of entries that the log lacks");
  }
  // It was installed, and the crash came before the log was told.
  index.clear();
  configurations.clear();
  first_index = info.index + 1;
  previous_term = info.term;
  discarded = true;
  return {};
}

Status GroupImage::finish(const std::optional<SnapshotHeader>& snapshot) {
  if (failure_) return *failure_;
  if (snapshot) {
    if (Status ok = begin_behind(*snapshot); !ok) return ok;
    progress.commit = std::max(progress.commit, snapshot->info.index);
    progress.applied = std::max(progress.applied, snapshot->info.index);
  } else if (base && base->snapshot_index > 0 && !index.contains(1)) {
    return corrupt("the snapshot at " + std::to_string(base->snapshot_index) +
                   " is gone, and so are the entries that it covers");
  }
  if (!index.empty() && index.first() > first_index) {
    return corrupt("the log begins with entry " + std::to_string(index.first()) + ", where " +
                   std::to_string(first_index) + " is the first that is needed");
  }
  const auto gone = std::lower_bound(configurations.begin(), configurations.end(), first_index);
  configurations.erase(configurations.begin(), gone);
  return {};
}

}  // namespace walkit::raft
