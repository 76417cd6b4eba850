// Room before ids, rotation, and the end of a writer's life.

#include <algorithm>
#include <new>

#include "base/mutation.hpp"
#include "log/log_core.hpp"

namespace walkit::log {
namespace {

constexpr std::uint64_t kPrefillStepBytesMax = 16 << 20;

}  // namespace

// Copies what appends must know of the active segment; called by the holder of the file.
void LogCore::note_space() {
  writing_room_ = sure_room_ = 0;
  has_segment_ = active_ != nullptr;
  if (!active_) return;
  position_ = active_->position();
  prefilled_ = active_->prefilled();
  ending_room_ = active_->ending_room();
  segment_frames_ = active_->frames();
  segment_created_ns_ = active_->header().created_ns;
  segment_number_ = active_->header().number;
  if (rotate_first_ || options_.segment_age.count() > 0) return;
  std::uint64_t end = options_.segment_bytes;
  if (options_.preallocation != Preallocation::none) {
    end = std::min(end, prefilled_ - std::min(prefilled_, ending_room_));
  }
  sure_room_ = end - std::min(end, position_);
}

bool LogCore::must_rotate(std::uint64_t room) const {
  if (!has_segment_ || rotate_first_) return true;
  const std::uint64_t buffered = pending_room_ + writing_room_;
  if (segment_frames_ == 0 && buffered == 0) return false;
  if (options_.segment_age.count() > 0) {
    // Unsigned: the time in a header may be any number.
    const auto now = static_cast<std::uint64_t>(directory_->now().count());
    const std::uint64_t age = now > segment_created_ns_ ? now - segment_created_ns_ : 0;
    if (age >= static_cast<std::uint64_t>(std::chrono::nanoseconds(options_.segment_age).count())) {
      return true;
    }
  }
  return position_ + buffered + room > options_.segment_bytes;
}

bool LogCore::has_room(std::uint64_t room) const {
  if (must_rotate(room)) return false;
  if (options_.preallocation == Preallocation::none) return true;
  return position_ + pending_room_ + writing_room_ + room + ending_room_ <= prefilled_;
}

// The caller has closed the door: no other append comes in, and ids stand still, until it is done.
Status LogCore::make_room(Lock& lock, std::uint64_t room) {
  while (file_busy_ || filling_) wait_for_change(lock);
  if (Status ok = refusal(); !ok) return ok;
  return must_rotate(room) ? rotate(lock, room) : extend(lock, room);
}

Status LogCore::extend(Lock& lock, std::uint64_t room) {
  const std::uint64_t need = position_ + pending_room_ + room + ending_room_;
  if (need <= prefilled_) return {};  // the group that was under way made it
  const std::uint64_t wish =
      std::max(need, std::min(prefilled_ + prefill_step_bytes_, options_.segment_bytes));
  hold_file(lock);
  Status filled = check_lock();
  if (filled) filled = fill(wish, need);
  release_file(lock);
  note_ahead();
  if (!filled) return refuse(std::move(filled).error());
  prefill_step_bytes_ = std::min(2 * prefill_step_bytes_, kPrefillStepBytesMax);
  return {};
}

// The next file first, since the disk may be full; then all of the old segment is made durable, it
// is sealed, and the next one is published. A barrier: no frame of the next one exists before.
Status LogCore::rotate(Lock& lock, std::uint64_t room) {
  const std::uint64_t need =
      first_frame_offset(options_.layout) + room + SegmentWriter::ending_room(1);
  const std::uint64_t wish = std::max(need, std::min(prefill_step_bytes_, options_.segment_bytes));
  hold_file(lock);
  Status checked = check_lock();
  auto next = checked ? prepare(wish, need) : Result<std::unique_ptr<SegmentWriter>>();
  release_file(lock);
  if (!checked) return refuse(std::move(checked).error());
  note_ahead();
  if (!next) return std::move(next).error();
  const Durability barrier =
      mutated(Mutation::no_sync_at_rotation) ? Durability::flushed : Durability::durable;
  Status committed = commit(lock, next_ - 1, barrier);
  if (!lock.owns_lock()) lock.lock();
  if (!committed) {
    (*next)->discard(*directory_);
    return committed;
  }
  hold_file(lock);
  Status started = start_segment(std::move(*next));
  if (started && observer() != nullptr) tell_rotation();
  release_file(lock);
  if (started) {
    ++stats_.rotations;
    rotate_first_ = fill_failed_ = false;
    return {};
  }
  fail(std::move(started).error());
  return poisoned();
}

void LogCore::tell_rotation() const try {
  const SegmentHeader& header = active_->header();
  observer()->on_rotate({.file = to_string(SegmentName{header.number, header.first}),
                         .entries = {header.first, header.first - 1},
                         .bytes = active_->position(),
                         .state = SegmentInfo::State::active});
} catch (const std::bad_alloc&) {
  return;  // it is told of the next one
}

Status LogCore::check_lock() try { return lock_->check(); } catch (const std::bad_alloc&) {
  return no_memory();
}

// What room could not be made for is asked for again, after all but a failure of the device.
Status LogCore::refuse(Error error) {
  if (error.code == Errc::no_space || error.code == Errc::no_memory) return error;
  fail(std::move(error));
  return poisoned();
}

// A nearly full disk may still hold what is needed now, if need be in place of what is filled
// ahead.
Status LogCore::fill(std::uint64_t wish, std::uint64_t need) try {
  const auto is_full = [](const Status& filled) {
    return !filled && filled.error().code == Errc::no_space;
  };
  Status filled = active_->prefill(wish);
  if (is_full(filled)) filled = active_->prefill(need);
  if (is_full(filled) && drop_ahead()) filled = active_->prefill(need);
  return filled;
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<std::unique_ptr<SegmentWriter>> LogCore::prepare(std::uint64_t wish,
                                                        std::uint64_t need) try {
  const bool fills = options_.preallocation == Preallocation::zero_fill;
  const SegmentName name{(active_ ? active_->header().number : previous_.number) + 1, next_};
  if (auto ahead = take_ahead(name, need)) return ahead;
  const auto how = options_.durability == Durability::durable ? SegmentWriter::Prefill::written
                                                              : SegmentWriter::Prefill::allocated;
  auto next = SegmentWriter::prepare(*directory_, name, fills ? wish : 0, how);
  if (!next && fills && next.error().code == Errc::no_space) {
    next = SegmentWriter::prepare(*directory_, name, need, how);
  }
  return next;
} catch (const std::bad_alloc&) {
  return no_memory();
}

// Everything of the segment before is durable. The caller holds the file.
Status LogCore::start_segment(std::unique_ptr<SegmentWriter> next) try {
  const auto now = static_cast<std::uint64_t>(directory_->now().count());
  time_ns_ = std::max(time_ns_, now);
  const EntryId durable = next_ - 1;
  if (active_) {
    if (Status ok = active_->seal(SegmentWriter::Ending::rotation, durable, time_ns_); !ok)
      return ok;
    previous_ = active_->end();
  }
  SegmentHeader header;
  header.log = manifest_.current().log;
  header.number = previous_.number + 1;
  header.first = next_;
  header.epoch = epoch_;
  header.durable_through = durable;
  header.created_ns = time_ns_;
  header.prev_number = previous_.end == 0 ? 0 : previous_.number;
  header.prev_last = previous_.last;
  header.prev_end = previous_.end;
  header.prev_seal_end = previous_.seal_end;
  header.prev_chain = previous_.chain;
  header.layout = options_.layout;
  header.codec = type_.codec;
  header.schema = type_.schema;
  header.max_entry_bytes = options_.max_entry_bytes;
  header.max_frame_bytes = options_.max_frame_bytes;
  header.type_name = type_.name;
  if (Status ok = next->begin(std::move(header)); !ok) return ok;
  if (mutated(Mutation::manifest_before_segment)) {
    active_ = std::move(next);
    if (Status ok = write_manifest(/*clean=*/false); !ok) return ok;
    return active_->publish(*directory_);
  }
  if (Status ok = next->publish(*directory_); !ok) return ok;
  active_ = std::move(next);
  return write_manifest(/*clean=*/false);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status LogCore::write_manifest(bool clean) {
  ManifestSlot slot = manifest_.current();
  slot.epoch = epoch_;
  slot.durable_through = next_ - 1;
  slot.clean = clean;
  if (active_) {
    const SegmentHeader& header = active_->header();
    const bool is_first = slot.last_segment == 0;
    slot.set_last(header);
    if (is_first) {
      slot.first_segment = header.number;
      slot.first_salt = slot.last_salt;
    }
  }
  return manifest_.write(slot);
}

// Seals what this writer wrote and says in the manifest that the end is a clean one. A manifest
// that was only read may say so and not be on the device: its last sync may have failed. The caller
// holds the file, and all is durable.
Status LogCore::finish() try {
  if (Status ok = lock_->check(); !ok) return ok;
  const EntryId last = next_ - 1;
  if (mutated(Mutation::close_marker_before_sync)) {
    if (Status ok = write_manifest(/*clean=*/true); !ok) return ok;
  }
  if (active_) {
    if (Status ok = active_->seal(SegmentWriter::Ending::close, last, time_ns_); !ok) return ok;
  } else if (manifest_.current_is_durable() && manifest_.current().clean) {
    return {};
  }
  return write_manifest(/*clean=*/true);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status LogCore::close() {
  Lock lock = enter();
  if (!lock.owns_lock()) return closed_error();
  if (on_own_thread()) return in_callback();
  if (closing_ || closed_) return closed_error();
  closing_ = true;  // no append comes in any more: what is sealed is all there is
  while (making_room_ || filling_ || caring_) wait_for_change(lock);
  const bool marks_first = mutated(Mutation::close_marker_before_sync);
  Status result = commit(lock, next_ - 1, marks_first ? Durability::flushed : Durability::durable);
  if (!lock.owns_lock()) lock.lock();
  // All may be durable and the writer done for nonetheless: its file must not be synced again.
  if (result && failure_) result = poisoned();
  if (result) {
    hold_file(lock);
    Status finished = finish();
    release_file(lock);
    if (!finished) {
      fail(std::move(finished).error());
      result = poisoned();
    }
  }
  closed_ = true;
  wake_all();
  stop_thread(lock);
  const bool failed = failure_.has_value();
  hold_file(lock);
  if (!failed) drop_ahead();
  active_.reset();
  lock_.reset();
  release_file(lock);
  return result;
}

}  // namespace walkit::log
