// Groups: who leads one, writes and syncs it, and who is told.

#include <algorithm>
#include <new>

#include "base/mutation.hpp"
#include "log/log_core.hpp"

namespace walkit::log {

bool LogCore::reached(EntryId through, Durability level) const {
  return through <= durable_ || (level == Durability::flushed && through <= written_);
}

bool LogCore::was_told(EntryId through, Durability level) const {
  return through.value <= (level == Durability::durable ? told_durable_ : told_flushed_).load();
}

// The lock may be open on success.
Status LogCore::commit(Lock& lock, EntryId through, Durability level) {
  while (!reached(through, level)) {
    if (failure_) {
      Error told = poisoned();
      if (mutated(Mutation::failure_forgotten)) failure_.reset();
      return told;
    }
    if (closed_) return closed_error();
    if (file_busy_) {
      wait_for_group(lock, through);
    } else {
      run_group(lock, level);
    }
    if (was_told(through, level)) return {};
    lock.lock();
  }
  return {};
}

// Until the group with that entry is over, or it is this thread's turn to lead it. Leaves the lock
// open: who has an answer needs it no more.
void LogCore::wait_for_group(Lock& lock, EntryId through) {
  if (gave_up_as_fork_child()) return lock.unlock();
  std::atomic<std::uint32_t>& turn =
      turns_[(through <= writing_through_ ? groups_ : groups_ + 1) % 2];
  const std::uint32_t seen = turn.load();
  lock.unlock();
  turn.wait(seen);
}

// Holds the file for one group: writes all that is buffered, and syncs it if the level asks for it.
// Leaves the lock open.
void LogCore::run_group(Lock& lock, Durability level) {
  std::swap(pending_, writing_);
  writing_room_ = std::exchange(pending_room_, 0);
  const EntryId through = next_ - 1;
  const EntryId watermark = mutated(Mutation::watermark_ahead_of_sync) ? through : durable_;
  writing_through_ = through;
  ++groups_;
  if (level >= options_.durability) {
    boundary_entries_ = boundary_bytes_ = 0;
    first_buffered_at_.reset();
  }
  hold_file(lock);
  const std::uint64_t begin = active_ ? active_->position() : 0;
  Status wrote = write_group(watermark);
  const bool syncs = wrote && level == Durability::durable;
  const auto began = std::chrono::steady_clock::now();
  Status synced = syncs ? sync_group(through) : Status{};
  const auto took = std::chrono::steady_clock::now() - began;
  if (observer() != nullptr) {
    if (wrote && !writing_->empty()) observer()->on_flush(through, active_->position() - begin);
    if (syncs && synced) observer()->on_sync(through, took);
  }
  lock.lock();
  const std::uint64_t position = position_, frames = segment_frames_;
  note_space();
  file_busy_ = false;
  const std::uint64_t entries = writing_->entries();
  stats_.entries += entries;
  stats_.payload_bytes += writing_->payload_bytes();
  stats_.written_bytes += position_ - position;
  stats_.frames += segment_frames_ - frames;
  writing_->clear();
  // Memory that is still in the processor's cache is used again.
  if (pending_->empty()) std::swap(pending_, writing_);
  if (wrote) written_ = through;
  if (syncs && synced) {
    durable_ = through;
    ++stats_.syncs;
    stats_.sync_time += took;
    stats_.sync_time_max = std::max<std::chrono::nanoseconds>(stats_.sync_time_max, took);
    stats_.sync_times.add(static_cast<std::uint64_t>(took.count()));
    stats_.group_entries.add(entries);
  }
  if (!wrote) fail(std::move(wrote).error());
  if (!synced) fail(std::move(synced).error());
  tell_group(lock);
}

// Those who waited for this group have their answer without the mutex; of those who wait for the
// next one, one is enough to lead it. (Waking all for each group costs more than the group.)
void LogCore::tell_group(Lock& lock) {
  told_flushed_.store(std::max(written_, durable_).value);
  told_durable_.store(durable_.value);
  if (failure_) {
    wake_all();
    return lock.unlock();
  }
  std::atomic<std::uint32_t>&over = turns_[groups_ % 2], &next = turns_[(groups_ + 1) % 2];
  for (std::atomic<std::uint32_t>* word : {&changes_, &over, &next}) word->fetch_add(1);
  if (wants_fill()) ask_for_fill();
  if (thread_has_work()) wake_thread();
  lock.unlock();
  over.notify_all();
  next.notify_one();
  changes_.notify_all();
}

Status LogCore::write_group(EntryId durable_through) try {
  if (Status ok = lock_->check(); !ok) return ok;
  if (writing_->empty()) return {};
  const auto now = static_cast<std::uint64_t>(directory_->now().count());
  time_ns_ = std::max(time_ns_, now);
  return active_->write(*writing_, compressor_, durable_through, time_ns_);
} catch (const std::bad_alloc&) {
  return no_memory();
}

// One sync for all who wait, then the watermark into LOCK before any of them returns.
Status LogCore::sync_group(EntryId through) try {
  if (!active_) return {};
  if (mutated(Mutation::lock_before_sync)) note_durable(through);
  if (!mutated(Mutation::acknowledge_before_sync)) {
    Status synced = active_->sync();
    if (!synced && mutated(Mutation::retry_failed_sync)) synced = active_->sync();
    if (!synced) return synced;
  }
  if (!mutated(Mutation::lock_not_written)) note_durable(through);
  return {};
} catch (const std::bad_alloc&) {
  return no_memory();
}

void LogCore::note_durable(EntryId through) {
  lock_record_
      .write({.log = manifest_.current().log,
              .process = process_,
              .epoch = epoch_,
              .durable_through = through})
      .ignore("LOCK is evidence beside the frames; the entries are durable without it");
}

}  // namespace walkit::log
