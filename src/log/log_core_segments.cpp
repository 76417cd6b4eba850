// Room before ids, rotation, and the end of a writer's life.

#include <algorithm>
#include <new>

#include "log/log_core.hpp"
#include "log/mutation.hpp"

namespace walkit::log {
namespace {

constexpr std::uint64_t kPrefillStepBytesMax = 16 << 20;

}  // namespace

// Copies what appends must know of the active segment; called by the holder of the file.
void LogCore::note_space() {
  writing_room_ = 0;
  has_segment_ = active_ != nullptr;
  if (!active_) return;
  position_ = active_->position();
  prefilled_ = active_->prefilled();
  ending_room_ = active_->ending_room();
  segment_frames_ = active_->frames();
  segment_created_ns_ = active_->header().created_ns;
}

bool LogCore::must_rotate(std::uint64_t room) const {
  if (!has_segment_ || rotate_first_) return true;
  const std::uint64_t buffered = pending_room_ + writing_room_;
  if (segment_frames_ == 0 && buffered == 0) return false;
  if (options_.segment_age.count() > 0) {
    const auto age = directory_->now() - std::chrono::nanoseconds(segment_created_ns_);
    if (age >= options_.segment_age) return true;
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
  while (file_busy_) changed_.wait(lock);
  if (Status ok = refusal(); !ok) return ok;
  return must_rotate(room) ? rotate(lock, room) : extend(lock, room);
}

Status LogCore::extend(Lock& lock, std::uint64_t room) {
  const std::uint64_t need = position_ + pending_room_ + room + ending_room_;
  if (need <= prefilled_) return {};  // the group that was under way made it
  const std::uint64_t wish =
      std::max(need, std::min(prefilled_ + prefill_step_bytes_, options_.segment_bytes));
  hold_file(lock);
  Status filled = active_->prefill(wish);
  // A nearly full disk may still hold what is needed now.
  if (!filled && filled.error().code == Errc::no_space) filled = active_->prefill(need);
  release_file(lock);
  if (!filled) {
    if (filled.error().code != Errc::no_space) fail(filled.error());
    return filled;
  }
  prefill_step_bytes_ = std::min(2 * prefill_step_bytes_, kPrefillStepBytesMax);
  return {};
}

// The next file first, since the disk may be full; then all of the old segment is made durable, it is
// sealed, and the next one is published. A barrier: no frame of the next one exists before.
Status LogCore::rotate(Lock& lock, std::uint64_t room) {
  const std::uint64_t need =
      first_frame_offset(options_.layout) + room + SegmentWriter::ending_room(1);
  const std::uint64_t wish =
      std::max(need, std::min(prefill_step_bytes_, options_.segment_bytes));
  const bool fills = options_.preallocation == Preallocation::zero_fill;
  const SegmentName name{(active_ ? active_->header().number : previous_.number) + 1, next_};
  hold_file(lock);
  Status checked = lock_->check();
  auto next = checked ? SegmentWriter::prepare(*directory_, name, fills ? wish : 0)
                      : Result<std::unique_ptr<SegmentWriter>>(checked.error());
  if (!next && fills && next.error().code == Errc::no_space) {
    next = SegmentWriter::prepare(*directory_, name, need);
  }
  release_file(lock);
  if (!checked) fail(checked.error());
  if (!next) return next.error();
  const Durability barrier =
      mutated(Mutation::no_sync_at_rotation) ? Durability::flushed : Durability::durable;
  if (Status ok = commit(lock, next_ - 1, barrier); !ok) {
    (*next)->discard(*directory_);
    return ok;
  }
  hold_file(lock);
  Status started = start_segment(std::move(*next));
  release_file(lock);
  if (started) {
    ++stats_.rotations;
    rotate_first_ = false;
  } else {
    fail(started.error());
  }
  return started ? Status{} : poisoned();
}

// Everything of the segment before is durable. The caller holds the file.
Status LogCore::start_segment(std::unique_ptr<SegmentWriter> next) {
  const auto now = static_cast<std::uint64_t>(directory_->now().count());
  time_ns_ = std::max(time_ns_, now);
  const EntryId durable = next_ - 1;
  if (active_) {
    if (Status ok = active_->seal(SegmentWriter::Ending::rotation, durable, time_ns_); !ok) return ok;
    previous_ = active_->end();
  }
  SegmentHeader header;
  header.log = manifest_.current().log;
  header.number = previous_.number + 1;
  header.first = next_;
  header.epoch = epoch_;
  header.durable_through = durable;
  header.created_ns = time_ns_;
  header.prev_number = previous_.number;
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
  if (Status ok = next->publish(*directory_); !ok) return ok;
  active_ = std::move(next);
  return write_manifest(/*clean=*/false);
}

Status LogCore::write_manifest(bool clean) {
  ManifestSlot slot = manifest_.current();
  slot.epoch = epoch_;
  slot.durable_through = next_ - 1;
  slot.clean = clean;
  if (active_) {
    const SegmentHeader& header = active_->header();
    slot.last_segment = header.number;
    slot.last_salt = header.salt();
    slot.last_segment_first = header.first;
    if (slot.first_segment == 0) {
      slot.first_segment = header.number;
      slot.first_salt = slot.last_salt;
    }
  }
  return manifest_.write(slot);
}

// Seals what this writer wrote and says in the manifest that the end is a clean one; writes nothing
// where that is so already. The caller holds the file, and all is durable.
Status LogCore::finish() try {
  if (Status ok = lock_->check(); !ok) return ok;
  const EntryId last = next_ - 1;
  if (active_) {
    if (Status ok = active_->seal(SegmentWriter::Ending::close, last, time_ns_); !ok) return ok;
  } else if (manifest_.current().clean && manifest_.current().durable_through == last) {
    return {};
  }
  return write_manifest(/*clean=*/true);
} catch (const std::bad_alloc&) {
  return Error{.code = Errc::no_memory, .message = "out of memory while closing"};
}

Status LogCore::close() {
  Lock lock(mutex_);
  if (on_own_thread()) {
    return Error{.code = Errc::invalid_argument,
                 .message = "close() in a callback would wait for itself"};
  }
  if (closing_ || closed_) return refusal();
  Status result = commit(lock, next_ - 1, Durability::durable);
  closing_ = true;  // no append comes in any more
  while (making_room_) changed_.wait(lock);
  if (result) {
    hold_file(lock);
    result = finish();
    release_file(lock);
    if (!result) fail(result.error());
  }
  closed_ = true;
  changed_.notify_all();
  stop_thread(lock);
  hold_file(lock);
  active_.reset();
  lock_.reset();
  release_file(lock);
  return result;
}

}  // namespace walkit::log
