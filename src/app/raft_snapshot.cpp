#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "app/raft_group.hpp"
#include "app/shared_log.hpp"

namespace walkit::raft {

namespace {

Status check_members(const Membership& members) {
  for (const auto* ids : {&members.voters, &members.learners, &members.outgoing}) {
    if (ids->size() > kMembersMax) {
      return invalid("a membership of more than " + std::to_string(kMembersMax) + " of one kind");
    }
  }
  if (members.context.size() > kContextBytesMax) {
    return invalid("a membership's context is at most " + std::to_string(kContextBytesMax) +
                   " bytes");
  }
  return {};
}

Error no_snapshot() { return {.code = Errc::not_found, .message = "no snapshot was saved here"}; }

}  // namespace

Status Group::check_snapshot(const SnapshotInfo& info, bool install) const {
  if (Status ok = usable(); !ok) return ok;
  if (!is_index(info.index)) return invalid("a snapshot's index is 1 to 2^62");
  if (Status ok = check_members(info.membership); !ok) return ok;
  if (snapshot_ && info.index < snapshot_->index) {
    return invalid("the snapshot at " + std::to_string(info.index) + " is older than the one at " +
                   std::to_string(snapshot_->index));
  }
  if (snapshot_ && info.index == snapshot_->index && info.term != snapshot_->term) {
    return invalid("the snapshot at " + std::to_string(info.index) + " is of term " +
                   std::to_string(snapshot_->term) + ", not " + std::to_string(info.term));
  }
  const auto known = known_term(info.index);
  const bool committed = info.index <= progress_.commit;
  if (known != info.term && (!install || (committed && known))) {
    return invalid("the snapshot at " + std::to_string(info.index) + " of term " +
                   std::to_string(info.term) + " is of an entry that the log does not have");
  }
  return {};
}

Result<CheckpointFiles::Saving> Group::begin_snapshot(const SnapshotInfo& info, bool install) try {
  SnapshotHeader header{.group = number_, .info = info, .installed = install};
  {
    const std::lock_guard lock(mutex_);
    if (Status ok = check_snapshot(info, install); !ok) return std::move(ok).error();
    const auto place = index_.find(info.index);
    header.log_through = place ? place->id : EntryId{};
  }
  // It must not know more than the log, which then vouches for what it was made of.
  if (header.log_through > EntryId{}) {
    if (Status ok = log_.writer().wait_durable(header.log_through); !ok) {
      return std::move(ok).error();
    }
  }
  header.log_through = log_.writer().durable_entry_id();
  auto saving = snapshots_.begin({.through = EntryId{info.index},
                                  .log_durable_through = EntryId{info.index},
                                  .log = log_.writer().log_identity()});
  if (!saving) return saving;
  Bytes bytes;
  encode(header, bytes);
  saving->out().write(BytesView(bytes));
  if (Status ok = saving->failure(); !ok) return std::move(ok).error();
  return saving;
} catch (const std::bad_alloc&) {
  return no_memory();
}

// Base, hard state and progress in one frame: all that a group needs from before its entries.
Result<Ticket> Group::write_base() noexcept try {
  Batch batch(number_);
  batch.add(base_now());
  batch.add(HardStateRecord{hard_});
  batch.add(ProgressRecord{progress_});
  auto ticket = write(batch);
  if (!ticket) return ticket;
  base_id_ = last_id_ - (batch.size() - 1);
  written_ = progress_;
  was_replaced_ = false;
  return ticket;
} catch (const std::bad_alloc&) {
  return no_memory();
}

// Cannot fail: the snapshot is there.
void Group::begin_behind(SnapshotInfo info, bool agrees) {
  const std::uint64_t index = info.index, term = info.term;
  // One that is saved again at its index has nothing to fall back to that needs the log.
  covered_ = snapshot_ && snapshot_->index == index ? std::optional(index) : std::nullopt;
  snapshot_ = std::move(info);
  progress_.commit = std::max(progress_.commit, index);
  progress_.applied = std::max(progress_.applied, index);
  if (agrees) {
    const std::uint64_t first = index + 1 - std::min(index, log_.options().trailing_entries);
    if (first > first_) {
      previous_term_ = known_term(first - 1).value_or(term);
      first_ = first;
    }
  } else {
    forget_from(0);
    first_ = index + 1;
    previous_term_ = term;
    was_replaced_ = true;
  }
  const auto gone = std::lower_bound(configurations_.begin(), configurations_.end(), first_);
  configurations_.erase(configurations_.begin(), gone);
}

// The snapshot's file is the commit point; the log is told behind it, and told again by the next
// open if a crash comes between. Without the mutex: this reads and syncs the whole of it.
Status Group::commit_snapshot(const SnapshotInfo& info, bool install,
                              CheckpointFiles::Saving& saving) try {
  if (Status ok = saving.failure(); !ok) return ok;
  SnapshotInfo own = info;
  Ticket told;
  {
    Ended ended;
    std::unique_lock lock(mutex_);
    if (Status ok = check_snapshot(info, install); !ok) return ok;
    const bool agrees = known_term(info.index) == info.term;
    if (agrees) {
      progress_.commit = std::max(progress_.commit, info.index);  // so that it stays true
    } else {
      is_replaced_ = true;
      ended = end_leadership();
    }
    lock.unlock();
    Status saved = saving.commit();
    lock.lock();
    is_replaced_ = false;
    if (!saved) {
      if (agrees || !saving.may_be_saved()) return saved;
      poison(saved.error());
      return copy_of(*failure_);
    }
    begin_behind(std::move(own), agrees);
    auto ticket = write_base();
    if (!ticket) {
      poison(ticket.error());
      return copy_of(*failure_);
    }
    told = *ticket;
  }
  // Without memory to wait the next sync makes the base durable: the snapshot is.
  if (Status ok = told.wait(); !ok && ok.error().code != Errc::no_memory) return ok;
  log_.trim().ignore("it is committed; the next snapshot trims too");
  return {};
} catch (const std::bad_alloc&) {
  return no_memory();
}

void Group::look_at_snapshots() {
  {
    const std::lock_guard lock(mutex_);
    if (covered_ || !snapshot_) return;
  }
  const auto covered = snapshots_.covered_through();
  if (!covered) return;
  const std::lock_guard lock(mutex_);
  if (!covered_) covered_ = std::min(covered->value, snapshot_->index);
}

std::vector<Error> Group::skipped_snapshots() const {
  const std::lock_guard lock(mutex_);
  return skipped_;
}

Result<SnapshotInfo> Group::read_snapshot(const std::function<Status(BytesView)>& take) const try {
  SnapshotInfo wanted;
  {
    const std::lock_guard lock(mutex_);
    if (Status ok = usable(); !ok) return std::move(ok).error();
    if (!snapshot_) return no_snapshot();
    wanted = *snapshot_;
  }
  SnapshotHeaderReader reader;
  auto found = snapshots_.read(EntryId{wanted.index}, [&](BytesView piece) -> Status {
    auto state = reader.take(piece);
    if (!state) return std::move(state).error();
    return state->empty() ? Status() : take(*state);
  });
  if (!found) return std::move(found).error();
  if (!reader.header()) return Error{.code = Errc::corrupt, .message = "no snapshot of a Raft log"};
  return std::move(reader.header()->info);
} catch (const std::bad_alloc&) {
  return no_memory();
}

std::optional<SnapshotInfo> Group::snapshot_info() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

Group::Needs Group::needs() const {
  const std::lock_guard lock(mutex_);
  Needs needs;
  // One that cannot be read is left as it is, for who comes to look at it.
  if (failure_) return {.entries = EntryId{}, .base = EntryId{}};
  if (base_id_ != EntryId{}) needs.base = base_id_;
  if (index_.empty()) return needs;
  const std::uint64_t first =
      std::max(index_.first(), covered_.value_or(0) == 0 ? 0 : std::min(first_, *covered_ + 1));
  const auto place = index_.find(first);
  if (place) needs.entries = place->id;
  return needs;
}

Result<EntryId> Group::repeat_base() try {
  const std::lock_guard lock(mutex_);
  auto ticket = write_base();
  if (!ticket) return std::move(ticket).error();
  return ticket->entry_id();
} catch (const std::bad_alloc&) {
  return no_memory();
}

void Group::forget_below(EntryId oldest) {
  const std::lock_guard lock(mutex_);
  index_.drop_ids_below(oldest);
}

}  // namespace walkit::raft
