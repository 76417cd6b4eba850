#include "app/raft_group.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "app/raft_leadership.hpp"
#include "app/shared_log.hpp"

namespace walkit::raft {

Error invalid(std::string message) {
  return {.code = Errc::invalid_argument, .message = std::move(message)};
}

// Fits into the string itself: there is no memory for more.
Error no_memory() noexcept { return {.code = Errc::no_memory, .message = "out of memory"}; }

std::vector<BytesView> Batch::payloads() const {
  std::vector<BytesView> payloads;
  payloads.reserve(ends_.size());
  std::size_t begin = 0;
  for (const std::size_t end : ends_) {
    payloads.push_back(BytesView(bytes_).subspan(begin, end - begin));
    begin = end;
  }
  return payloads;
}

Group::Group(SharedLog& log, std::uint64_t number, CheckpointFiles snapshots)
    : log_(log), number_(number), snapshots_(std::move(snapshots)) {}

void Group::begin(const Result<std::optional<StoredSnapshot>>& snapshot) {
  GroupImage found = std::exchange(image_, {});
  if (!snapshot) {
    failure_ = copy_of(snapshot.error());
    return;
  }
  std::optional<SnapshotHeader> header;
  if (*snapshot) header = (*snapshot)->header;
  if (*snapshot && (*snapshot)->log != log_.writer().log_identity()) {
    failure_ = Error{.code = Errc::incompatible,
                     .message = "the snapshot at " + std::to_string(header->info.index) +
                                " belongs to another log",
                     .next_step = "bring log and snapshots of one server together again"};
    return;
  }
  if (Status ok = found.finish(header); !ok) {
    failure_ = std::move(ok).error();
    return;
  }
  hard_ = found.hard_state;
  progress_ = written_ = found.progress;
  first_ = found.first_index;
  previous_term_ = found.previous_term;
  index_ = std::move(found.index);
  configurations_ = std::move(found.configurations);
  if (header) {
    snapshot_ = header->info;
    skipped_ = (*snapshot)->skipped;
  }
  base_id_ = found.base_id;
  if (found.base) {
    commands_.codec = found.base->codec;
    stored_type_ = found.base->type_name;
  }
  was_replaced_ = found.discarded;
}

Status Group::usable() const {
  if (failure_) return copy_of(*failure_);
  if (is_closed_) return Error{.code = Errc::closed, .message = "this Raft log was closed"};
  return {};
}

Status Group::writable() const {
  if (!is_replaced_) return usable();
  return Error{.code = Errc::locked,
               .message = "a snapshot of the leader is about to replace this log",
               .next_step = "append behind it, when its commit() has returned"};
}

// What memory and log say differs from here on.
void Group::poison(const Error& why) noexcept {
  try {
    failure_ =
        Error{.code = Errc::poisoned,
              .message = "the snapshot is saved, but the log could not be told: " + why.message,
              .next_step = "open it again"};
  } catch (const std::bad_alloc&) {
    failure_ = Error{.code = Errc::poisoned};
  }
}

std::uint64_t Group::last() const { return index_.empty() ? first_ - 1 : index_.last(); }

std::optional<std::uint64_t> Group::known_term(std::uint64_t index) const {
  if (index == first_ - 1) return previous_term_;
  if (index < first_) return std::nullopt;
  const auto place = index_.find(index);
  return place ? std::optional(place->term) : std::nullopt;
}

BaseRecord Group::base_now() const {
  return {.first_index = first_,
          .previous_term = previous_term_,
          .snapshot_index = snapshot_ ? snapshot_->index : 0,
          .snapshot_term = snapshot_ ? snapshot_->term : 0,
          .replaced = was_replaced_,
          .codec = commands_.codec,
          .type_name = stored_type_};
}

Status Group::attach(const Commands& commands) {
  Ticket told;
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return copy_of(*failure_);
    const bool is_new = base_id_ == EntryId{} && !is_attached_;
    const bool same = is_new || (commands_.codec == commands.codec &&
                                 (stored_type_.empty() || commands.type.name.empty() ||
                                  stored_type_ == commands.type.name) &&
                                 (!is_attached_ || commands_.type.schema == commands.type.schema));
    if (!same) {
      return Error{.code = Errc::incompatible,
                   .message = "the commands were written by another codec, or are of type \"" +
                              stored_type_ + "\"",
                   .next_step = "open it with the command and codec that it was made with"};
    }
    if (stored_type_.empty()) stored_type_ = commands.type.name;
    commands_ = commands;
    is_attached_ = true;
    is_closed_ = false;
    if (!was_replaced_) return {};
    auto ticket = write_base();
    if (!ticket) return std::move(ticket).error();
    told = *ticket;
  }
  return told.wait();
}

Status Group::check_entries(std::span<const EntryBytes> entries) const {
  const std::uint64_t first = entries.front().index;
  if (!is_index(first) || first > last() + 1) {
    return invalid("entry " + std::to_string(first) + " would leave a hole: the last one is " +
                   std::to_string(last()));
  }
  if (first <= progress_.commit) {  // a snapshot commits what it covers
    return invalid("entry " + std::to_string(first) + " is committed, or in the snapshot: " +
                   std::to_string(progress_.commit + 1) + " is the first that may be replaced");
  }
  std::uint64_t index = first, term = known_term(first - 1).value_or(0);
  for (const EntryBytes& entry : entries) {
    if (entry.index != index) {
      return invalid("entry " + std::to_string(entry.index) + " stands where " +
                     std::to_string(index) + " would follow");
    }
    if (entry.term < term) {
      return invalid("entry " + std::to_string(index) + " is of term " +
                     std::to_string(entry.term) + ", the one before of " + std::to_string(term));
    }
    if (entry.kind < EntryKind::command || entry.kind > EntryKind::configuration) {
      return invalid("entry " + std::to_string(index) + " is of no kind");
    }
    ++index;
    term = entry.term;
  }
  return {};
}

Status Group::check(const std::optional<HardState>& hard,
                    std::span<const EntryBytes> entries) const {
  // An election does not wait for a snapshot, which takes over whatever the hard state is then.
  if (Status ok = entries.empty() ? usable() : writable(); !ok) return ok;
  if (hard && hard->term < hard_.term) {
    return invalid("term " + std::to_string(hard->term) + " is older than " +
                   std::to_string(hard_.term));
  }
  if (hard && hard->term == hard_.term && hard_.vote && hard->vote != hard_.vote) {
    return invalid("in term " + std::to_string(hard_.term) + " this server voted for " +
                   std::to_string(*hard_.vote) + " already");
  }
  return entries.empty() ? Status() : check_entries(entries);
}

// A write that is refused for want of room changed nothing; one that failed is told by the log.
Result<Ticket> Group::write(const Batch& batch) {
  auto ticket = log_.writer().append_async(batch.payloads());
  if (!ticket) return ticket;
  last_id_ = ticket->entry_id();
  // The first batch of a group begins with its base.
  if (base_id_ == EntryId{}) base_id_ = last_id_ - (batch.size() - 1);
  return ticket;
}

// What may fail comes first: memory must say what the log says.
Result<Ticket> Group::write_entries(Batch batch, std::span<const EntryBytes> entries) {
  bool with_progress = progress_ != written_;
  std::vector<EntryCache::Cached> cached;
  cached.reserve(entries.size());
  const std::size_t before = batch.size();
  for (const EntryBytes& entry : entries) {
    EntryRecord record{.entry = entry, .schema = commands_.type.schema};
    if (std::exchange(with_progress, false)) record.progress = progress_;
    batch.add(record);
    cached.push_back({.entry = {.index = entry.index,
                                .term = entry.term,
                                .kind = entry.kind,
                                .payload = Bytes(entry.payload.begin(), entry.payload.end()),
                                .schema = commands_.type.schema}});
  }
  index_.reserve(entries.size());
  cache_.reserve(entries.size());
  configurations_.reserve(configurations_.size() + entries.size());
  auto ticket = write(batch);
  if (!ticket) return ticket;
  written_ = progress_;
  EntryId id = last_id_ - (batch.size() - before - 1);
  forget_from(entries.front().index);
  for (EntryCache::Cached& entry : cached) {
    entry.id = id;
    index_.append(entry.entry.index,
                  {.id = id, .term = entry.entry.term, .schema = entry.entry.schema});
    if (entry.entry.kind == EntryKind::configuration) configurations_.push_back(entry.entry.index);
    cache_.append(std::move(entry));
    ++id;
  }
  cache_.shrink(log_.options().cache_bytes, log_.writer().durable_entry_id());
  return ticket;
}

void Group::forget_from(std::uint64_t from) {
  index_.truncate(from);
  cache_.truncate(from);
  while (!configurations_.empty() && configurations_.back() >= from) configurations_.pop_back();
}

Batch Group::begin_batch() {
  Batch batch(number_);
  if (base_id_ == EntryId{}) batch.add(base_now());
  return batch;
}

Result<Ticket> Group::submit(const std::optional<HardState>& hard,
                             std::span<const EntryBytes> entries) try {
  Ended ended;  // told when the lock is free again
  const std::lock_guard lock(mutex_);
  if (Status ok = check(hard, entries); !ok) return std::move(ok).error();
  Batch batch = begin_batch();
  const bool new_hard = hard && *hard != hard_;
  if (new_hard || (entries.empty() && progress_ == written_)) {
    batch.add(HardStateRecord{hard ? *hard : hard_});
  }
  if (entries.empty() && progress_ != written_) batch.add(ProgressRecord{progress_});
  auto ticket = entries.empty() ? write(batch) : write_entries(std::move(batch), entries);
  if (!ticket) return ticket;
  written_ = progress_;
  const bool is_over = !entries.empty() || (new_hard && hard->term > hard_.term);
  if (new_hard) hard_ = *hard;
  if (is_over) ended = end_leadership();
  return ticket;
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status Group::save(const std::optional<HardState>& hard, std::span<const EntryBytes> entries) try {
  if (entries.empty()) {
    std::unique_lock lock(mutex_);
    if (Status ok = check(hard, entries); !ok) return ok;
    const bool is_known = (!hard || *hard == hard_) && progress_ == written_;
    if (is_known && last_id_ == EntryId{}) return {};
    if (is_known) {
      const EntryId known = last_id_;
      lock.unlock();
      return log_.writer().wait_durable(known);
    }
  }
  auto ticket = submit(hard, entries);
  if (!ticket) return std::move(ticket).error();
  return ticket->wait();
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status Group::truncate(std::uint64_t from) try {
  Ticket told;
  {
    Ended ended;
    const std::lock_guard lock(mutex_);
    if (Status ok = writable(); !ok) return ok;
    if (from <= progress_.commit) {
      return invalid("entry " + std::to_string(from) + " is committed, or in the snapshot: " +
                     std::to_string(progress_.commit + 1) + " is the first that may go");
    }
    if (from > last()) return {};
    Batch batch(number_);
    batch.add(TruncateRecord{from});
    auto ticket = write(batch);
    if (!ticket) return std::move(ticket).error();
    forget_from(from);
    ended = end_leadership();
    told = *ticket;
  }
  return told.wait();
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status Group::stage_commit(std::uint64_t index) try {
  const std::lock_guard lock(mutex_);
  if (Status ok = usable(); !ok) return ok;
  if (index > last()) {
    return invalid("commit index " + std::to_string(index) + " is above the last entry, " +
                   std::to_string(last()));
  }
  if (index < progress_.commit) {
    return invalid("commit index " + std::to_string(index) + " is below the one before, " +
                   std::to_string(progress_.commit));
  }
  progress_.commit = index;
  return {};
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status Group::stage_applied(std::uint64_t index) try {
  const std::lock_guard lock(mutex_);
  if (Status ok = usable(); !ok) return ok;
  if (index > progress_.commit) {
    return invalid("applied index " + std::to_string(index) + " is above the commit index, " +
                   std::to_string(progress_.commit));
  }
  if (index < progress_.applied) {
    return invalid("applied index " + std::to_string(index) + " is below the one before, " +
                   std::to_string(progress_.applied));
  }
  progress_.applied = index;
  return {};
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status Group::write_progress() {
  if (progress_ == written_) return {};
  Batch batch = begin_batch();
  batch.add(ProgressRecord{progress_});
  auto ticket = write(batch);
  if (!ticket) return std::move(ticket).error();
  written_ = progress_;
  return {};
}

Status Group::sync() try {
  {
    const std::lock_guard lock(mutex_);
    if (Status ok = usable(); !ok) return ok;
    if (Status ok = write_progress(); !ok) return ok;
  }
  return log_.writer().sync();
} catch (const std::bad_alloc&) {
  return no_memory();
}

// Nothing is accepted behind what is synced.
Status Group::close() try {
  {
    Ended ended;
    const std::lock_guard lock(mutex_);
    ended = end_leadership();
    if (failure_ || std::exchange(is_closed_, true)) return {};
    if (Status ok = write_progress(); !ok) return ok;
  }
  return log_.writer().sync();
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<Ticket> Group::enter(const EntryBytes& entry) try {
  if (Status ok = writable(); !ok) return std::move(ok).error();
  return write_entries(Batch(number_), {&entry, 1});
} catch (const std::bad_alloc&) {
  return no_memory();
}

std::uint32_t Group::max_command_bytes() const {
  return log_.writer().max_entry_bytes() - kEntryHeaderBytesMax;
}

HardState Group::hard_state() const {
  const std::lock_guard lock(mutex_);
  return hard_;
}

Progress Group::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

std::uint64_t Group::first_index() const {
  const std::lock_guard lock(mutex_);
  return first_;
}

std::uint64_t Group::last_index() const {
  const std::lock_guard lock(mutex_);
  return last();
}

std::uint64_t Group::last_term() const {
  const std::lock_guard lock(mutex_);
  return known_term(last()).value_or(0);
}

std::vector<std::uint64_t> Group::configurations() const {
  const std::lock_guard lock(mutex_);
  return configurations_;
}

bool Group::is_born() const {
  const std::lock_guard lock(mutex_);
  return base_id_ != EntryId{} || failure_.has_value();
}

}  // namespace walkit::raft
